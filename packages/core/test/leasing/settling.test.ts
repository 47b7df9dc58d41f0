import { describe, expect, test } from "bun:test";

import type { JobStore, LeaseKey, SettleAnswer } from "../../src/store/job-store.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const reason = { code: "backend_failed", message: "It broke." };
const result = { output: { text: "done" }, provenance: { adapter: "test" } };
const step = { phase: "draft", nextPhase: "grade" };

interface Settlement {
  readonly name: string;
  readonly settle: (store: JobStore, lease: LeaseKey) => Promise<SettleAnswer>;
  /** The job's state after, and how the attempt is remembered. */
  readonly state: string;
  readonly outcome: string;
}

const settlements: readonly Settlement[] = [
  {
    name: "complete_job",
    settle: (store, lease) => store.completeJob(lease, result),
    state: "completed",
    outcome: "completed",
  },
  {
    name: "checkpoint_job that yields",
    settle: (store, lease) => store.checkpointJob(lease, { ...step, yields: true }, result),
    state: "queued",
    outcome: "completed",
  },
  {
    name: "retry_job",
    settle: (store, lease) => store.retryJob(lease, reason),
    state: "queued",
    outcome: "retried",
  },
  {
    name: "release_job for an outage",
    settle: (store, lease) => store.releaseJob(lease, "outage", reason),
    state: "queued",
    outcome: "released",
  },
  {
    name: "release_job for a shutdown",
    settle: (store, lease) => store.releaseJob(lease, "shutdown", reason),
    state: "queued",
    outcome: "released",
  },
  {
    name: "fail_job",
    settle: (store, lease) => store.failJob(lease, reason),
    state: "failed",
    outcome: "failed",
  },
];

describe.each([...settlements])("$name", ({ settle, state, outcome }) => {
  test("moves the job and remembers the attempt", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    const answer = await settle(queue.store, lease);

    expect(answer).toMatchObject({ outcome: "ok", state });
    const job = await queue.client.getJob(id);
    expect(job?.state).toBe(state as "queued");
    expect(job?.attempts).toMatchObject([{ phase: "draft", attempt: 1, outcome }]);
    expect(await queue.query('select * from :"schema".lease')).toEqual([]);
  });

  test("answers `already` to the same token again, and does nothing twice", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await settle(queue.store, lease);
    const before = await queue.client.getJob(id);

    const again = await settle(queue.store, lease);

    expect(again).toEqual({ ...again, outcome: "already", state: state as "queued" });
    expect(await queue.client.getJob(id)).toEqual(before);
  });

  test("answers `lost` to a token that was never given out, and writes nothing", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    const answer = await settle(queue.store, { ...lease, token: crypto.randomUUID() });

    expect(answer).toMatchObject({ outcome: "lost", state: undefined });
    expect(await queue.client.getJob(id)).toMatchObject({ state: "leased", attempts: [] });
    expect(await queue.client.getResults(id)).toEqual([]);
  });

  test("answers `lost` after the lease lapsed, also when nobody took the job", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);

    const answer = await settle(queue.store, lease);

    expect(answer.outcome).toBe("lost");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", losses: 1 });
    expect(await queue.client.getResults(id)).toEqual([]);
  });

  test("answers `lost` after somebody else took the job", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);
    const taken = await queue.claimOne({ worker: "other" });

    const answer = await settle(queue.store, lease);

    expect(answer.outcome).toBe("lost");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "leased" });
    expect(await queue.store.startJob(taken)).toBe("ok");
  });

  test("answers `lost` after the job was cancelled", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.client.cancel(id);

    const answer = await settle(queue.store, lease);

    expect(answer.outcome).toBe("lost");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "cancelled" });
  });

  test("is accepted after the end of a lease that nobody took back", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.database.advance(60_000);

    const answer = await settle(queue.store, lease);

    expect(answer.outcome).toBe("ok");
  });
});

test("a cancelled job is lost to its holder, also when the clock went back since the last checkpoint", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();
  const lease = await queue.claimOne();
  await queue.store.checkpointJob(lease, { ...step, yields: false }, result);
  await queue.database.advance(-3_600_000);
  await queue.client.cancel(id);

  const answer = await queue.store.completeJob(lease, result);

  expect(answer.outcome).toBe("lost");
});

describe("checkpoint_job", () => {
  test("goes on under the same lease, with the next phase's first attempt", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    const answer = await queue.store.checkpointJob(lease, { ...step, yields: false }, result);

    expect(answer).toEqual({ outcome: "ok", state: "leased", delayMs: 0, attempt: 1 });
    expect(await queue.client.getJob(id)).toMatchObject({ state: "leased", phase: "grade" });
    expect(await queue.store.completeJob(lease, result)).toMatchObject({ outcome: "ok" });
  });

  test("answers `already` with the same attempt when it went through before", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    const first = await queue.store.checkpointJob(lease, { ...step, yields: false }, result);

    const again = await queue.store.checkpointJob(lease, { ...step, yields: false }, result);

    expect(again).toEqual({ ...first, outcome: "already" });
    expect(await queue.query('select * from :"schema".attempt')).toHaveLength(1);
  });

  test("lets another worker take a job that yields, and gives it the results", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne({ phases: ["draft"] });
    await queue.store.checkpointJob(lease, { ...step, yields: true }, result);

    const next = await queue.claimOne({ worker: "other", phases: ["grade"] });

    expect(next.attempt).toBe(1);
    expect((await queue.store.loadResults(next)).results).toEqual({ draft: result.output });
  });

  test.each([
    ["null", null],
    ["nothing", undefined],
  ])("takes a phase that returned %s", async (_, output) => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    const nothing = { output, provenance: {} };

    const answer = await queue.store.checkpointJob(lease, { ...step, yields: false }, nothing);

    expect(answer.outcome).toBe("ok");
    expect((await queue.store.loadResults(lease)).results).toEqual({ draft: null });
  });
});

describe("save_part", () => {
  const page = { output: { text: "page 1" }, provenance: {} };

  test("keeps a part across attempts, and the first one stays", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();

    const first = await queue.store.savePart(lease, 1, page);
    const again = await queue.store.savePart(lease, 1, { output: "other", provenance: {} });

    expect([first, again]).toEqual(["ok", "ok"]);
    await queue.store.releaseJob(lease, "shutdown", reason);
    const { parts } = await queue.store.loadResults(await queue.claimOne());
    expect(parts).toEqual({ draft: [{ part: 1, output: page.output }] });
  });

  test("keeps a part that is null", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();

    const answer = await queue.store.savePart(lease, 1, { output: null, provenance: {} });

    expect(answer).toBe("ok");
    const { parts } = await queue.store.loadResults(lease);
    expect(parts).toEqual({ draft: [{ part: 1, output: null }] });
  });

  test("answers `lost` to a stale token and writes nothing", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);

    const answer = await queue.store.savePart(lease, 1, page);

    expect(answer).toBe("lost");
    expect(await queue.query('select * from :"schema".result')).toEqual([]);
  });

  test("answers `lost` to a token that was never given out, and writes nothing", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();

    const answer = await queue.store.savePart({ ...lease, token: crypto.randomUUID() }, 1, page);

    expect(answer).toBe("lost");
    expect(await queue.query('select * from :"schema".result')).toEqual([]);
  });

  test("refuses a part of a phase that is over, though the job goes on under its token", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.store.checkpointJob(lease, { ...step, yields: false }, page);

    const late = await queue.store.savePart(lease, 1, { ...page, phase: "draft" });

    expect(late).toBe("lost");
    expect((await queue.store.loadResults(lease)).parts).toEqual({});
    expect(await queue.store.savePart(lease, 1, { ...page, phase: "grade" })).toBe("ok");
  });

  test("refuses part 0, which is the phase's result", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();

    const refused = await queue.store.savePart(lease, 0, page).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: "statement_failed", adapterCode: "sqlstate_22023" });
  });
});

describe("load_results", () => {
  test("shows nothing to a stale token", async () => {
    await using queue = await setup();
    await queue.enqueue({ phase: "grade", skipped: { draft: { output: 1, provenance: {} } } });
    const lease = await queue.claimOne();

    const stale = await queue.store.loadResults({ ...lease, token: crypto.randomUUID() });

    expect(stale).toEqual({ results: {}, parts: {} });
    expect((await queue.store.loadResults(lease)).results).toEqual({ draft: 1 });
  });
});

describe("commit", () => {
  const insert = { text: "insert into note (text) values ($1)", parameters: ["seen"] };

  async function setupNotes(): Promise<Queue & { readonly notes: () => Promise<number> }> {
    const queue = await setup();
    await queue.query('create table :"schema".note (text text)');
    const notes = async (): Promise<number> =>
      (await queue.query('select * from :"schema".note')).length;
    return { ...queue, notes };
  }

  test("writes the host's statements while the lease is held", async () => {
    await using queue = await setupNotes();
    await queue.enqueue();
    const lease = await queue.claimOne();
    const text = insert.text.replace("note", `"${queue.schema}".note`);

    const answer = await queue.store.commit(lease, [{ ...insert, text }]);

    expect(answer).toBe("ok");
    expect(await queue.notes()).toBe(1);
  });

  test("writes nothing for a stale token", async () => {
    await using queue = await setupNotes();
    await queue.enqueue();
    const lease = await queue.claimOne();
    const text = insert.text.replace("note", `"${queue.schema}".note`);
    const stale = { ...lease, token: crypto.randomUUID() };

    const answer = await queue.store.commit(stale, [{ ...insert, text }]);

    expect(answer).toBe("lost");
    expect(await queue.notes()).toBe(0);
  });

  test("leaves nothing behind when one of the statements fails", async () => {
    await using queue = await setupNotes();
    await queue.enqueue();
    const lease = await queue.claimOne();
    const text = insert.text.replace("note", `"${queue.schema}".note`);
    const statements = [{ ...insert, text }, { text: "select 1 / 0" }];

    const failed = await queue.store.commit(lease, statements).catch((error: unknown) => error);

    expect(failed).toMatchObject({ code: "statement_failed", adapterCode: "sqlstate_22012" });
    expect(await queue.notes()).toBe(0);
  });
});
