import { describe, expect, test } from "bun:test";

import { type Explained, keepStatistics, openExplainer } from "../support/explainer.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

// A claim must cost the same whatever waits beside it, and whatever the statistics say. The plans are those of the
// statements inside the function, as auto_explain saw them run.

const server = useServer();

interface Subject extends Queue {
  /** Makes many ready jobs, without going through the functions. */
  populate(options: FillOptions): Promise<void>;
  explainClaim(limit: number, phases?: readonly string[]): Promise<Explained>;
  /** Of jobs that need `host/model`. */
  explainClaimForResource(limit: number): Promise<Explained>;
}

interface FillOptions {
  readonly count: number;
  readonly phase: "draft" | "foreign";
  /** Below 0: due since then. */
  readonly dueInMs: number;
  readonly priority?: number;
}

async function setup(): Promise<Subject> {
  const testServer = await server();
  const queue = await setupQueue(testServer);
  await keepStatistics(queue);
  const explainer = await openExplainer(testServer, queue.schema);
  const lanesOf = async (phases: readonly string[] = ["draft"]): Promise<string> =>
    `'{${(await queue.lanes(phases)).map(({ laneId }) => laneId).join()}}'`;
  const explain = (call: string): Promise<Explained> =>
    explainer.explain(`select * from :"schema".${call}`);
  return {
    ...queue,
    async populate({ count, phase, dueInMs, priority = 5 }) {
      await queue.query(
        `with made as (
           insert into :"schema".job (public_id, queue, type, version, priority, payload, created_at)
           select gen_random_uuid(), 'default', 'essay', 1, $3::text::smallint, '{}', clock_timestamp()
           from generate_series(1, $1::text::integer) returning id
         )
         insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
         select id, :"schema".find_lane('default', 'essay', 1::smallint, $2, false), $3::text::smallint,
           clock_timestamp() + $4::text::float * interval '1 millisecond', 0 from made`,
        String(count),
        phase,
        String(priority),
        String(dueInMs),
      );
    },
    async explainClaim(limit, phases) {
      const rest = `'{}', ${limit}, 1000`;
      return await explain(
        `claim_jobs_v2('w', gen_random_uuid(), ${await lanesOf(phases)}, ${rest})`,
      );
    },
    async explainClaimForResource(limit) {
      const rest = `gen_random_uuid(), ${await lanesOf()}, '{}', ${limit}, 1000`;
      return await explain(`claim_for_resource('host/model', 'w', ${rest})`);
    },
    async [Symbol.asyncDispose]() {
      await explainer[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
}

/** An index-only scan does not name its table in every version. */
const isReady = (path: string): boolean => path.startsWith("ready by ");

/** The last is one probe for jobs at gates, and either index of theirs will do. */
const itsIndexes = ["ready by Tid Scan", "ready by ready_claim", "ready by ready_gated"];

function readyPaths(paths: readonly string[]): readonly string[] {
  return paths.filter(isReady).map((path) => path.replace("_gated_claim", "_gated"));
}

describe("claim_jobs_v2", () => {
  test.each<[string, (subject: Subject, fill: () => Promise<void>) => Promise<void>]>([
    ["there are no statistics", (_, fill) => fill()],
    [
      "the statistics are those of an empty table",
      async (subject, fill) => {
        await subject.query('analyze :"schema".ready, :"schema".job, :"schema".lease');
        await fill();
      },
    ],
    [
      "the statistics are those of a full table",
      async (subject, fill) => {
        await fill();
        await subject.query('analyze :"schema".ready, :"schema".job, :"schema".lease');
      },
    ],
  ])("goes by its indexes when %s", async (_, prepare) => {
    await using subject = await setup();
    await prepare(subject, async () => {
      await subject.populate({ count: 3_000, phase: "draft", dueInMs: -1_000 });
      await subject.populate({ count: 3_000, phase: "foreign", dueInMs: -1_000 });
    });

    const { paths, rows } = await subject.explainClaim(10);

    expect(rows).toBe(10);
    expect(readyPaths(paths)).toEqual(itsIndexes);
    expect(paths).toContain("job by job_pkey");
    // The clock of a test schema is a table of one row.
    expect(paths.filter((path) => path.endsWith("Seq Scan"))).toEqual(["test_clock by Seq Scan"]);
  });

  test.each<[string, FillOptions]>([
    ["delayed jobs of its own lane", { count: 10_000, phase: "draft", dueInMs: 3_600_000 }],
    ["due jobs of another lane", { count: 10_000, phase: "foreign", dueInMs: -3_600_000 }],
    [
      "delayed jobs of a higher priority",
      { count: 10_000, phase: "draft", dueInMs: 3_600_000, priority: 0 },
    ],
  ])("touches no more of the table when it has ten thousand %s", async (_, crowd) => {
    await using alone = await setup();
    await alone.populate({ count: 20, phase: "draft", dueInMs: -1_000 });
    await using crowded = await setup();
    await crowded.populate(crowd);
    await crowded.populate({ count: 20, phase: "draft", dueInMs: -1_000 });

    const one = await alone.explainClaim(10);
    const other = await crowded.explainClaim(10);

    expect([one.rows, other.rows]).toEqual([10, 10]);
    // An index of ten thousand entries is one or two levels higher: that is all it may cost.
    const probes = 10 + 2 * other.rows;
    expect(other.buffers).toBeLessThanOrEqual(one.buffers + 2 * probes);
  });

  test("touches no more of the table when it may run ten thousand due jobs that are paused", async () => {
    await using alone = await setup();
    await alone.populate({ count: 20, phase: "draft", dueInMs: -1_000 });
    await using paused = await setup();
    await paused.populate({ count: 10_000, phase: "foreign", dueInMs: -3_600_000 });
    await paused.populate({ count: 20, phase: "draft", dueInMs: -1_000 });
    await paused.client.pause({ type: "essay", phase: "foreign" });

    const one = await alone.explainClaim(10);
    const other = await paused.explainClaim(10, ["draft", "foreign"]);

    expect([one.rows, other.rows]).toEqual([10, 10]);
    const probes = 10 + 2 * other.rows;
    expect(other.buffers).toBeLessThanOrEqual(one.buffers + 2 * probes);
    expect(other.paths).toContain("lane by lane_pkey");
  });

  test("touches no more when it finds nothing among ten thousand that wait for their time", async () => {
    await using alone = await setup();
    await using crowded = await setup();
    await crowded.populate({ count: 10_000, phase: "draft", dueInMs: 3_600_000 });

    const one = await alone.explainClaim(10);
    const other = await crowded.explainClaim(10);

    expect([one.rows, other.rows]).toEqual([0, 0]);
    expect(other.buffers).toBeLessThanOrEqual(one.buffers + 2 * 10);
  });
});

describe("claim_for_resource", () => {
  const analyze = 'analyze :"schema".ready, :"schema".job, :"schema".lease, :"schema".resource';
  const leases = `insert into :"schema".lease
      (job_id, token, worker, lane_id, priority, attempt, solo, lease_ms, leased_at, until, resource)
    select -n, gen_random_uuid(), 'w', 1, 5, 1, false, 1000, clock_timestamp(), clock_timestamp(),
      case when n % 3 = 0 then '' else 'host/' || n % 3 end
    from generate_series(1, 3000) as n`;

  test.each([
    ["none", ""],
    ["those of empty tables", "before"],
    ["those of full tables", "after"],
  ])("goes by its indexes for a resource, whatever the statistics say: %s", async (_, analyzed) => {
    await using subject = await setup();
    await subject.store.declareResource("host/model", 100);
    if (analyzed === "before") await subject.query(analyze);
    await subject.populate({ count: 3_000, phase: "draft", dueInMs: -1_000 });
    await subject.query(leases);
    if (analyzed === "after") await subject.query(analyze);

    const { paths, rows } = await subject.explainClaimForResource(10);

    // And one row that says how the resource is.
    expect(rows).toBe(11);
    expect(readyPaths(paths)).toEqual(itsIndexes);
    expect(paths).toContain("lease by lease_resource");
    expect(paths).toContain("resource by resource_pkey");
    expect(paths.filter((path) => path.endsWith("Seq Scan"))).toEqual(["test_clock by Seq Scan"]);
  });

  test("touches a few pages when the resource is full, whatever waits for it", async () => {
    await using subject = await setup();
    await subject.store.declareResource("host/model", 2);
    await subject.populate({ count: 10_000, phase: "draft", dueInMs: -1_000 });
    await subject.explainClaimForResource(2);

    const { rows, buffers, paths } = await subject.explainClaimForResource(10);

    expect(rows).toBe(1);
    expect(buffers).toBeLessThan(20);
    expect(paths.filter(isReady)).toEqual([]);
  });
});
