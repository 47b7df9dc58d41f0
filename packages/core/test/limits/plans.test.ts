import { describe, expect, test } from "bun:test";

import {
  type Explained,
  type Explainer,
  keepStatistics,
  openExplainer,
} from "../support/explainer.ts";
import { jobsOf, type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import { useServer } from "../support/server.ts";

// What a claim at a gate looks at: the tenants who wait, and the jobs whose turn it is. And what jobs without limits pay.

const server = useServer();

interface Subject extends LimitedQueue {
  explainClaim(limit: number): Promise<Explained>;
  readonly explain: Explainer["explain"];
}

async function setup(): Promise<Subject> {
  const testServer = await server();
  const queue = await setupLimitedQueue(testServer);
  await keepStatistics(queue);
  const explainer = await openExplainer(testServer, queue.schema);
  return {
    ...queue,
    explain: (call) => explainer.explain(call),
    async explainClaim(limit) {
      const [lane] = await queue.lanes(["draft"]);
      return await explainer.explain(
        `select * from :"schema".claim_jobs_v2('w', gen_random_uuid(), '{${lane?.laneId}}',
           '{${lane?.soloLaneId}}', ${limit}, 60000)`,
      );
    },
    async [Symbol.asyncDispose]() {
      await explainer[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
}

const analyze = 'analyze :"schema".ready, :"schema".job, :"schema".lease, :"schema".slot';

/** Tables that hold jobs or leases; the others are as small as the number of limits and tenants. */
const isLarge = (path: string): boolean => /^(?:ready|job|lease|slot) by /.test(path);

describe("a claim at a gate", () => {
  test.each<[string, (subject: Subject, fill: () => Promise<void>) => Promise<void>]>([
    ["there are no statistics", (_, fill) => fill()],
    [
      "the statistics are those of an empty table",
      async (subject, fill) => {
        await subject.query(analyze);
        await fill();
      },
    ],
    [
      "the statistics are those of a full table",
      async (subject, fill) => {
        await fill();
        await subject.query(analyze);
      },
    ],
    [
      "the statistics are those of before the limit",
      async (subject, fill) => {
        await subject.client.dropLimit({ queue: "default" });
        await subject.client.dropLimit({ tenant: "*" });
        await fill();
        await subject.query(analyze);
        await subject.client.setLimit({ queue: "default" }, { concurrencyMax: 1_000 });
        await subject.client.setLimit({ tenant: "*" }, { concurrencyMax: 500 });
      },
    ],
  ])("goes by its indexes when %s", async (_, prepare) => {
    await using subject = await setup();
    await subject.client.setLimit({ queue: "default" }, { concurrencyMax: 1_000 });
    await subject.client.setLimit({ tenant: "*" }, { concurrencyMax: 500 });
    await prepare(subject, async () => {
      for (const tenant of ["acme", "umbrella", "initech"]) {
        await subject.enqueueAll(jobsOf(tenant, 1_500));
      }
      await subject.claim({ limit: 200 });
    });

    const { paths, rows, buffers } = await subject.explainClaim(10);

    process.stdout.write(`${buffers} buffers for ${rows} of 4,500 jobs\n`);
    expect(rows).toBe(10);
    // It counts the 200 that run, once for each limit. A look at all who wait would cost as much again for each tenant.
    expect(buffers).toBeLessThanOrEqual(4_000);
    const large = paths.filter(isLarge);
    expect(large).toContain("ready by ready_gated");
    expect(large).toContain("ready by ready_gated_claim");
    expect(large.filter((path) => path.endsWith("Seq Scan"))).toEqual([]);
  });

  test("passes over a tenant at its limit without a look at ten thousand jobs of his", async () => {
    await using alone = await setup();
    await using crowded = await setup();
    for (const subject of [alone, crowded]) {
      await subject.client.setLimit({ tenant: "acme" }, { concurrencyMax: 0 });
      await subject.client.setLimit({ queue: "default" }, { fair: true });
    }
    await alone.enqueueAll([...jobsOf("acme", 1), ...jobsOf("umbrella", 20)]);
    await crowded.enqueueAll([...jobsOf("acme", 10_000), ...jobsOf("umbrella", 20)]);

    const one = await alone.explainClaim(5);
    const other = await crowded.explainClaim(5);

    process.stdout.write(`${other.buffers} buffers among many, ${one.buffers} alone\n`);
    expect([one.rows, other.rows]).toEqual([5, 5]);
    // Its indexes are higher by a level or two, and have just been written. A look at the jobs would cost thousands.
    expect(other.buffers).toBeLessThanOrEqual(one.buffers + 1_000);
  });

  test("looks at no job while the queue is at its limit", async () => {
    await using subject = await setup();
    await subject.client.setLimit({ queue: "default" }, { concurrencyMax: 3 });
    await subject.enqueueAll(jobsOf("acme", 10_000));
    await subject.claim();

    const { rows, buffers } = await subject.explainClaim(5);

    expect(rows).toBe(0);
    expect(buffers).toBeLessThanOrEqual(200);
  });
});

describe("jobs without a limit", () => {
  /** A hundred of them, from their enqueue to their end. */
  async function costOf(subject: Subject): Promise<Omit<Explained, "paths" | "answer">> {
    const [lane] = await subject.lanes(["draft"]);
    const enqueue = `select * from :"schema".enqueue_jobs((
      select jsonb_agg('{"type": "essay", "version": 1, "phase": "draft", "payload": {}}'::jsonb)
      from generate_series(1, 100)))`;
    const claim = `select * from :"schema".claim_jobs_v2('w', gen_random_uuid(), '{${lane?.laneId}}',
      '{${lane?.soloLaneId}}', 100, 60000)`;
    const complete = async (): Promise<string> => {
      const [row] = await subject.query(
        `select array_agg(job_id)::text as ids, array_agg(token)::text as tokens
         from :"schema".lease`,
      );
      const nulls = `(select jsonb_agg(null::text) from generate_series(1, 100))`;
      return `select * from :"schema".complete_jobs('${String(row?.["ids"])}', '${String(row?.["tokens"])}', ${nulls})`;
    };
    const calls = [await subject.explain(enqueue), await subject.explain(claim)];
    calls.push(await subject.explain(await complete()));
    const sum = (of: (call: Explained) => number): number =>
      calls.reduce((total, call) => total + of(call), 0);
    return {
      rows: sum(({ rows }) => rows),
      buffers: sum(({ buffers }) => buffers),
      walRecords: sum(({ walRecords }) => walRecords),
      walBytes: sum(({ walBytes }) => walBytes),
    };
  }

  test("pay nothing where there are none, and next to nothing beside those of others", async () => {
    const ratios: number[] = [];
    // Caches of the catalogue are emptied by whoever changes many things on the server, and then a call reads more.
    for (let tries = 0; tries < 5 && (ratios.at(-1) ?? Infinity) > 1.05; tries += 1) {
      await using without = await setup();
      await using beside = await setup();
      await beside.client.setLimit({ queue: "other" }, { concurrencyMax: 1 });

      const one = await costOf(without);
      const other = await costOf(beside);

      process.stdout.write(`per 100 jobs without limits ${JSON.stringify(one)}\n`);
      process.stdout.write(`per 100 jobs beside limits ${JSON.stringify(other)}\n`);
      expect([one.rows, other.rows]).toEqual([201, 201]);
      // Bytes are not asked: after a checkpoint, whose ever, a record has its whole page with it.
      expect(other.walRecords).toBeLessThanOrEqual(one.walRecords * 1.05);
      ratios.push(other.buffers / one.buffers);
    }

    expect(Math.min(...ratios)).toBeLessThanOrEqual(1.05);
  });

  test("are claimed by the same steps as where there are no limits", async () => {
    await using without = await setup();
    await using beside = await setup();
    await beside.client.setLimit({ queue: "other" }, { concurrencyMax: 1 });
    for (const subject of [without, beside]) await subject.enqueueAll(jobsOf(undefined, 50));

    const one = await without.explainClaim(10);
    const other = await beside.explainClaim(10);

    expect(other.paths).toEqual(one.paths);
  });
});
