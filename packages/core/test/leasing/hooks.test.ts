import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { createHook, type HookedQueue, setupHookedQueue } from "../support/hooked-queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<HookedQueue> => setupHookedQueue(await server());

const reason = { code: "backend_failed", message: "It broke." };
const result = { output: { text: "done" }, provenance: {} };
const step = { phase: "draft", nextPhase: "grade", yields: false };

async function lapse(queue: HookedQueue): Promise<void> {
  await queue.database.advance(1_001);
  await queue.store.lapseLeases(10);
}

type Act = (queue: HookedQueue, lease: ClaimedJob) => Promise<unknown>;

interface Transition {
  readonly name: string;
  readonly act: Act;
  readonly to: string;
  readonly code: string | null;
  readonly result?: unknown;
}

const output = result.output;
const transitions: readonly Transition[] = [
  {
    name: "complete",
    act: ({ store }, lease) => store.completeJob(lease, result),
    to: "completed",
    code: null,
    result: output,
  },
  {
    name: "checkpoint",
    act: ({ store }, lease) => store.checkpointJob(lease, step, result),
    to: "leased",
    code: null,
    result: output,
  },
  {
    name: "yielding checkpoint",
    act: ({ store }, lease) => store.checkpointJob(lease, { ...step, yields: true }, result),
    to: "queued",
    code: null,
    result: output,
  },
  {
    name: "retry",
    act: ({ store }, lease) => store.retryJob(lease, reason),
    to: "queued",
    code: "backend_failed",
  },
  {
    name: "release for an outage",
    act: ({ store }, lease) => store.releaseJob(lease, "outage", reason),
    to: "queued",
    code: "backend_failed",
  },
  {
    name: "release for a shutdown",
    act: ({ store }, lease) => store.releaseJob(lease, "shutdown", reason),
    to: "queued",
    code: "backend_failed",
  },
  {
    name: "fail",
    act: ({ store }, lease) => store.failJob(lease, reason),
    to: "failed",
    code: "backend_failed",
  },
  { name: "lapse", act: (queue) => lapse(queue), to: "queued", code: "worker_lost" },
];

describe.each([...transitions])("$name", ({ name, act, to, code, ...rest }) => {
  test("calls the hook with what happened", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    await act(queue, lease);

    expect(await queue.calls()).toEqual([
      {
        job_id: id,
        type: "essay",
        from_state: "leased",
        to_state: to,
        phase: "draft",
        code,
        result: rest.result ?? null,
      },
    ]);
  });

  test("is undone and charged when the hook raises, and what the phase returned is kept", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.raiseOn("%", "23505");

    await act(queue, lease);

    // A lapse stays one: the holder, when he comes back, did not end this attempt himself.
    const outcome = name === "lapse" ? "lapsed" : "effect_failed";
    const job = await queue.client.getJob(id);
    expect(job).toMatchObject({
      state: "queued",
      phase: "draft",
      code: "effect_failed",
      message: "The hook of this job's type raised SQLSTATE 23505.",
      failures: 1,
      losses: 0,
      outages: 0,
      attempts: [{ phase: "draft", attempt: 1, outcome, code: "effect_failed" }],
    });
    expect(job?.dueAt?.getTime()).toBeGreaterThan(job?.createdAt.getTime() ?? 0);
    expect(await queue.calls()).toEqual([]);
    const outputs = (await queue.client.getResults(id)).map(({ output: stored }) => stored);
    expect(outputs).toEqual(rest.result === undefined ? [] : [output]);
  });
});

test("of jobs that complete together, only the one whose hook raises is charged", async () => {
  await using queue = await setup();
  const [good, bad, better] = [await queue.enqueue(), await queue.enqueue(), await queue.enqueue()];
  await queue.query(`create function :"schema".refuse_bad(uuid, text, text, text, text, text, jsonb)
    returns void language plpgsql as $$ begin
      if $4 = 'completed' and $7 = '"bad"' then raise exception 'no'; end if;
      perform :"schema".on_essay($1, $2, $3, $4, $5, $6, $7);
    end $$`);
  const hook = `"${queue.schema}".refuse_bad(uuid,text,text,text,text,text,jsonb)`;
  await queue.call("register_type", "essay", hook);
  const leases = await queue.claim({ limit: 3 });

  const answers = await Promise.all(
    leases.map((lease) =>
      queue.store.completeJob(lease, {
        output: lease.publicId === bad ? "bad" : "fine",
        provenance: {},
      }),
    ),
  );

  expect(answers.map((answer) => answer.outcome)).toEqual(["ok", "effect_failed", "ok"]);
  const calls = (await queue.calls()).map((call) => [call["job_id"], call["to_state"]]);
  expect(calls).toEqual([
    [good, "completed"],
    [bad, "queued"],
    [better, "completed"],
  ]);
  expect(await queue.client.getJob(bad)).toMatchObject({ state: "queued", failures: 1 });
});

test("a phase that returned nothing is known as done when only its hook failed", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();
  await queue.raiseOn("completed");

  await queue.store.completeJob(await queue.claimOne(), { output: undefined, provenance: {} });

  expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", failures: 1 });
  expect(await queue.client.getResults(id)).toEqual([
    { phase: "draft", output: null, provenance: {} },
  ]);
});

test("the hook is told of the charge that its own failure caused", async () => {
  await using queue = await setup();
  await queue.enqueue();
  const lease = await queue.claimOne();
  await queue.raiseOn("completed");

  const answer = await queue.store.completeJob(lease, result);

  expect(answer).toMatchObject({ outcome: "effect_failed", state: "queued" });
  expect(await queue.calls()).toMatchObject([
    { from_state: "leased", to_state: "queued", code: "effect_failed", result: null },
  ]);
});

test("a hook that always raises ends its job dead", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();
  await queue.raiseOn("%");

  const states: (string | undefined)[] = [];
  for (let run = 1; run <= 4; run += 1) {
    const answer = await queue.store.completeJob(await queue.claimOne(), result);
    states.push(answer.state);
    await queue.database.advance(600_000);
  }

  expect(states).toEqual(["queued", "queued", "queued", "dead"]);
  expect(await queue.client.getJob(id)).toMatchObject({ state: "dead", code: "effect_failed" });
});

test("a job that lost its worker runs alone next, also when its hook raises", async () => {
  await using queue = await setup();
  await queue.enqueue();
  await queue.claimOne();
  await queue.raiseOn("%");

  await lapse(queue);

  await queue.database.advance(600_000);
  expect((await queue.claimOne()).solo).toBe(true);
});

test("a lapse is no success of its late holder, also when the hook raised", async () => {
  await using queue = await setup();
  await queue.enqueue();
  const lease = await queue.claimOne();
  await queue.store.checkpointJob(lease, step, result);
  await queue.raiseOn("queued");
  await lapse(queue);
  await queue.raiseNoMore();

  const late = await queue.store.completeJob(lease, result);

  expect(late.outcome).toBe("lost");
});

describe("trouble of the server in a hook", () => {
  test.each(["40001", "40P01", "55P03", "53100", "57P01"])(
    "SQLSTATE %s goes to the caller, and nothing is charged",
    async (sqlstate) => {
      await using queue = await setup();
      const id = await queue.enqueue();
      const lease = await queue.claimOne();
      await queue.raiseOn("completed", sqlstate);

      const thrown = await queue.store.completeJob(lease, result).catch((error: unknown) => error);

      const adapterCode = `sqlstate_${sqlstate.toLowerCase()}`;
      expect(thrown).toMatchObject({ code: "database_unavailable", retryable: true, adapterCode });
      expect(await queue.client.getJob(id)).toMatchObject({ state: "leased", failures: 0 });
      await queue.raiseNoMore();
      expect(await queue.store.completeJob(lease, result)).toMatchObject({ outcome: "ok" });
    },
  );

  test.each(["55000", "XX000", "40002", "P0001", "P0004"])(
    "SQLSTATE %s will be the same next time, so it is charged",
    async (sqlstate) => {
      await using queue = await setup();
      await queue.enqueue();
      const lease = await queue.claimOne();
      await queue.raiseOn("completed", sqlstate);

      const answer = await queue.store.completeJob(lease, result);

      expect(answer.outcome).toBe("effect_failed");
    },
  );

  test("does not keep the leases of other jobs from lapsing", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.claimOne();
    const other = await queue.enqueue({ type: "other", phase: "run" });
    const lanes = await queue.store.declareLanes({
      queue: "default",
      type: "other",
      version: 1,
      phases: ["run"],
    });
    const claim = { worker: "w", token: crypto.randomUUID(), soloLanes: [], limit: 1 };
    await queue.store.claimJobs({
      ...claim,
      lanes: lanes.map(({ laneId }) => laneId),
      leaseMs: 1_000,
    });
    await queue.raiseOn("%", "55P03");

    await lapse(queue);

    expect((await queue.client.getJob(other))?.state).toBe("queued");
  });
});

describe("a hook and the caller's transaction", () => {
  test("what the hook wrote goes when the caller rolls back", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await using session = await queue.begin();
    await session.call("cancel_job", id);

    await session.rollback();

    expect(await queue.calls()).toEqual([]);
    expect((await queue.client.getJob(id))?.state).toBe("queued");
  });

  test.each([
    ["waits", async () => undefined, "queued"],
    ["runs", (queue: HookedQueue) => queue.claimOne(), "leased"],
  ])("a cancel is undone when the hook raises, and the job %s on", async (_, begin, state) => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await begin(queue);
    await queue.raiseOn("cancelled");

    const thrown = await queue.client.cancel(id).catch((error: unknown) => error);

    expect(thrown).toMatchObject({ code: "statement_failed", adapterCode: "sqlstate_p0001" });
    expect((await queue.client.getJob(id))?.state).toBe(state as "queued");
    expect(await queue.calls()).toEqual([]);
  });

  test("a requeue is undone when the hook raises", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey: "learner 7" });
    await queue.client.cancel(id);
    await queue.raiseOn("queued");

    const thrown = await queue.client.requeue(id).catch((error: unknown) => error);

    expect(thrown).toMatchObject({ adapterCode: "sqlstate_p0001" });
    expect((await queue.client.getJob(id))?.state).toBe("cancelled");
    expect(await queue.query('select * from :"schema".unique_key')).toEqual([]);
  });

  test.each([
    ["a job that waits", async () => undefined, "queued"],
    ["a job that runs", (queue: HookedQueue) => queue.claimOne(), "leased"],
  ])("cancel and requeue of %s call the hook", async (_, begin, from) => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await begin(queue);

    await queue.client.cancel(id);
    await queue.client.requeue(id);

    expect(await queue.calls()).toMatchObject([
      { from_state: from, to_state: "cancelled", phase: "draft", code: "cancelled" },
      { from_state: "cancelled", to_state: "queued", phase: "draft", code: null },
    ]);
  });
});

test("a hook that was dropped and made again is found", async () => {
  await using queue = await setup();
  await queue.enqueue();
  const lease = await queue.claimOne();
  await queue.query('drop function :"schema".on_essay');
  await createHook(queue);

  const answer = await queue.store.completeJob(lease, result);

  expect(answer.outcome).toBe("ok");
  expect(await queue.calls()).toHaveLength(1);
});

test("a hook that is no function of the right form is refused when it is registered", async () => {
  await using queue = await setup();

  const refused = await queue
    .call("register_type", "essay", "pg_catalog.now()")
    .then(String, (error: unknown) => error);

  expect(refused).toBeInstanceOf(Error);
});
