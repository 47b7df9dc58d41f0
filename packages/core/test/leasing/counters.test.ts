import { describe, expect, test } from "bun:test";

import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const reason = { code: "backend_failed", message: "It broke." };
const dayMs = 86_400_000;

async function lose(queue: Queue): Promise<void> {
  const job = await queue.claimOne();
  if (job.solo) await queue.store.startJob(job);
  await queue.database.advance(1_001);
  await queue.store.lapseLeases(10);
}

describe("the three counters", () => {
  test("are never mixed", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    await queue.store.retryJob(await queue.claimOne(), reason);
    await queue.database.advance(600_000);
    await queue.store.releaseJob(await queue.claimOne(), "outage", reason);
    await queue.database.advance(600_000);
    await queue.store.releaseJob(await queue.claimOne(), "outage", reason);
    await queue.database.advance(600_000);
    await queue.store.releaseJob(await queue.claimOne(), "shutdown", reason);
    await lose(queue);

    expect(await queue.client.getJob(id)).toMatchObject({ failures: 1, outages: 2, losses: 1 });
  });

  test("a shutdown costs nothing, and the job is due at once", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    await queue.store.releaseJob(await queue.claimOne(), "shutdown", reason);

    const job = await queue.client.getJob(id);
    expect(job).toMatchObject({ state: "queued", failures: 0, losses: 0, outages: 0 });
    expect(job?.code).toBeUndefined();
    expect(await queue.claim()).toHaveLength(1);
  });
});

describe("failures", () => {
  test("used up make the job dead, with the last one's words", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    const states: (string | undefined)[] = [];
    for (let run = 1; run <= 4; run += 1) {
      const answer = await queue.store.retryJob(await queue.claimOne(), reason);
      states.push(answer.state);
      await queue.database.advance(600_000);
    }

    expect(states).toEqual(["queued", "queued", "queued", "dead"]);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "dead", failures: 4, ...reason });
  });

  test("are counted per phase", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const step = { phase: "draft", nextPhase: "grade", yields: true };
    for (let run = 1; run <= 3; run += 1) {
      await queue.store.retryJob(await queue.claimOne(), reason);
      await queue.database.advance(600_000);
    }
    await queue.store.checkpointJob(await queue.claimOne(), step, { output: 1, provenance: {} });

    const answer = await queue.store.retryJob(await queue.claimOne(), reason);

    expect(answer.state).toBe("queued");
    expect((await queue.client.getJob(id))?.failures).toBe(4);
  });

  test("follow what the type says", async () => {
    await using queue = await setup();
    await queue.query(`select :"schema".register_type('essay', p_retries_max => 0::smallint)`);
    await queue.enqueue();

    const answer = await queue.store.retryJob(await queue.claimOne(), reason);

    expect(answer.state).toBe("dead");
  });

  test.each([
    ["fixed", 300_000, [300_000, 300_000, 300_000]],
    ["exponential", 60_000, [60_000, 120_000, 200_000]],
  ])("follow what was said of their phase: %s", async (kind, baseMs, delays) => {
    await using queue = await setup();
    await queue.call("set_retry_policy", "essay", "draft", kind, 3, baseMs, 200_000);
    await queue.enqueue();

    const given: number[] = [];
    for (const delayMs of delays) {
      given.push((await queue.store.retryJob(await queue.claimOne(), reason)).delayMs);
      await queue.database.advance(delayMs);
    }
    const last = await queue.store.retryJob(await queue.claimOne(), reason);

    for (const [index, delayMs] of delays.entries()) {
      expect(given[index]).toBeLessThanOrEqual(delayMs);
      expect(given[index]).toBeGreaterThanOrEqual(kind === "fixed" ? delayMs : delayMs / 2);
    }
    expect(last.state).toBe("dead");
  });

  test("go by the type in what was not said of the phase, and in other phases", async () => {
    await using queue = await setup();
    await queue.query(`select :"schema".register_type('essay', p_retries_max => 0::smallint)`);
    await queue.query(
      `select :"schema".set_retry_policy('essay', 'grade', 'fixed', p_base_ms => 7)`,
    );
    await queue.enqueue({ phase: "grade" });
    const first = await queue.store.retryJob(await queue.claimOne(), reason);
    await queue.query(`select :"schema".set_retry_policy('essay', 'grade', 'fixed', 1::smallint)`);
    await queue.enqueue({ phase: "grade" });

    const second = await queue.store.retryJob(await queue.claimOne(), reason);
    await queue.enqueue({ phase: "draft" });
    const other = await queue.store.retryJob(await queue.claimOne(), reason);

    expect([first.state, second.state, other.state]).toEqual(["dead", "queued", "dead"]);
    expect(second.delayMs).toBe(10_000);
  });

  test("go by the type again when the policy is taken back", async () => {
    await using queue = await setup();
    await queue.query(`select :"schema".set_retry_policy('essay', 'draft', 'fixed', 0::smallint)`);
    await queue.query(`select :"schema".set_retry_policy('essay', 'draft', null)`);
    await queue.enqueue();

    const answer = await queue.store.retryJob(await queue.claimOne(), reason);

    expect(answer.state).toBe("queued");
  });

  test("wait as long as the other side asked for, at most a day, whatever the policy says", async () => {
    await using queue = await setup();
    await queue.call("set_retry_policy", "essay", "draft", "fixed", 3, 1_000, null);
    await queue.enqueue();

    const answer = await queue.store.retryJob(await queue.claimOne(), {
      ...reason,
      retryAfterMs: 3 * dayMs,
    });

    expect(answer).toMatchObject({ state: "queued", delayMs: dayMs });
  });

  test("keep a message of at most 1,024 characters, whole ones", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const [job] = await queue.claim();

    await queue.call(
      "fail_job",
      job?.jobId ?? "",
      job?.token ?? "",
      "input_corrupt",
      "😀".repeat(1_100),
    );

    const message = (await queue.client.getJob(id))?.message;
    expect(message).toBe("😀".repeat(1_024));
  });
});

describe("losses", () => {
  test("used up make the job dead, after the first of them alone", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    const solo: boolean[] = [];
    for (let run = 1; run <= 3; run += 1) {
      const job = await queue.claimOne();
      solo.push(job.solo);
      if (job.solo) await queue.store.startJob(job);
      await queue.database.advance(1_001);
      await queue.store.lapseLeases(10);
    }

    expect(solo).toEqual([false, true, true]);
    expect(await queue.client.getJob(id)).toMatchObject({
      state: "dead",
      code: "worker_lost",
      losses: 3,
      failures: 0,
    });
  });

  test("make a job dead only after one of them was alone", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    // As after many losses in company, in other phases.
    await queue.query(
      `insert into :"schema".job_counter (job_id, phase, losses, last_at)
       select id, 'grade', 9, clock_timestamp() from :"schema".job`,
    );

    await lose(queue);
    const inCompany = (await queue.client.getJob(id))?.state;
    await lose(queue);
    const alone = (await queue.client.getJob(id))?.state;

    expect([inCompany, alone]).toEqual(["queued", "dead"]);
  });

  test("do not count against the retries, and retries not against the losses", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await lose(queue);
    await lose(queue);
    for (let run = 1; run <= 3; run += 1) {
      const job = await queue.claimOne();
      await queue.store.startJob(job);
      await queue.store.retryJob(job, reason);
      await queue.database.advance(600_000);
    }

    expect(await queue.client.getJob(id)).toMatchObject({
      state: "queued",
      failures: 3,
      losses: 2,
    });
  });
});

describe("outages", () => {
  test("never make a job dead, and wait 5 to 60 seconds", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    const delays: number[] = [];
    for (let run = 1; run <= 12; run += 1) {
      const answer = await queue.store.releaseJob(await queue.claimOne(), "outage", reason);
      delays.push(answer.delayMs);
      await queue.database.advance(60_000);
    }

    expect(delays[0]).toBeWithin(5_000, 10_001);
    for (const delay of delays) expect(delay).toBeWithin(5_000, 60_001);
    for (const delay of delays.slice(3)) expect(delay).toBeGreaterThanOrEqual(30_000);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", outages: 12 });
  });
});

describe("the wait", () => {
  test.each([
    {
      name: "as long as it was asked for",
      retryAfterMs: 3_600_000,
      least: 3_600_000,
      most: 3_600_000,
    },
    { name: "a day at most", retryAfterMs: 1e15, least: dayMs, most: dayMs },
    {
      name: "a day for ever, too",
      retryAfterMs: Number.POSITIVE_INFINITY,
      least: dayMs,
      most: dayMs,
    },
    { name: "not shorter than the backoff", retryAfterMs: 1, least: 5_000, most: 10_000 },
    { name: "of whole milliseconds", retryAfterMs: 20_000.5, least: 20_001, most: 20_001 },
    { name: "never into the past", retryAfterMs: -5_000, least: 5_000, most: 10_000 },
    { name: "the backoff for no number", retryAfterMs: Number.NaN, least: 5_000, most: 10_000 },
  ])("is $name", async ({ retryAfterMs, least, most }) => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.enqueue();
    const [one, two] = await queue.claim();
    if (one === undefined || two === undefined) throw new Error("Two jobs were enqueued.");

    const retried = await queue.store.retryJob(one, { ...reason, retryAfterMs });
    const released = await queue.store.releaseJob(two, "outage", { ...reason, retryAfterMs });

    expect(retried.delayMs).toBeWithin(least, most + 1);
    expect(released.delayMs).toBeWithin(least, most + 1);
  });

  test("doubles with each failure, half of it by chance, up to the cap", async () => {
    await using queue = await setup();
    const rows = await queue.query(
      `select n, min(d) as least, max(d) as most from (
         select n, :"schema".backoff_ms(n, 10000, 600000) as d
         from generate_series(0, 12) as n, generate_series(1, 200)
       ) as drawn group by n order by n`,
    );

    for (const { n, least, most } of rows) {
      const full = Math.min(10_000 * 2 ** (Math.max(Number(n), 1) - 1), 600_000);
      expect(Number(least)).toBeWithin(full / 2, full);
      expect(Number(most)).toBeWithin(full * 0.8, full + 1);
    }
  });

  test.each([[2_147_483_647], [32], [31], [-1]])(
    "does not overflow after %d failures",
    async (count) => {
      await using queue = await setup();

      const [small] = await queue.call("backoff_ms", count, 1, 1);
      const [large] = await queue.call("backoff_ms", count, 2_147_483_647, 2_147_483_647);

      expect(Number(small?.["backoff_ms"])).toBeWithin(0, 2);
      expect(Number(large?.["backoff_ms"])).toBeWithin(1_073_741_823, 2_147_483_648);
    },
  );
});
