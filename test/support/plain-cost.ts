import { readFileSync } from "node:fs";

import postgres from "postgres";

/** What some work took of the server. */
export interface Cost {
  readonly walBytes: number;
  /** Pages that were looked at, whether they were in memory or not. */
  readonly buffers: number;
  /** Milliseconds of the session's process; undefined where the system does not tell. */
  readonly cpuMs: number | undefined;
}

/** A schema of leasehold, of whatever version, and the functions that its workers call. */
export interface PlainQueue extends AsyncDisposable {
  /** Sends `jobsPerLife` plain jobs through each of the lives, and answers what each step took, by `life: step`. */
  play(mode: PlayMode): Promise<ReadonlyMap<string, Cost>>;
}

/** `counted` asks Postgres to count buffers, which takes time; `timed` asks it for nothing. */
export type PlayMode = "counted" | "timed";

export interface PlainQueueOptions {
  readonly url: string;
  readonly claim: "claim_jobs" | "claim_jobs_v2";
  readonly renew: "renew_leases" | "renew_leases_v2";
}

export const jobsPerLife = 1_000;

/** How many jobs one call is for. A job is enqueued, claimed, renewed once and completed. */
export const lives = {
  single: { enqueue: 1, claim: 1, renew: 10, complete: 1 },
  tens: { enqueue: 100, claim: 10, renew: 100, complete: 10 },
  hundreds: { enqueue: 500, claim: 500, renew: 500, complete: 500 },
} as const;

const shared = { type: "plain", version: 1, phase: "work" };
const leaseMs = 60_000;

/** One session on the database; nothing else may write there meanwhile. */
export async function openPlainQueue(options: PlainQueueOptions): Promise<PlainQueue> {
  const sql = postgres(options.url, { max: 1, onnotice: () => undefined });
  const meter = await openMeter(sql);
  const [lane] = await sql<{ lane_id: number; solo_lane_id: number }[]>`
    select lane_id, solo_lane_id from leasehold.declare_lanes('default', 'plain', 1::smallint, '{work}')`;
  const steps = createSteps(options, [`{${lane?.lane_id}}`, `{${lane?.solo_lane_id}}`]);

  const play: PlainQueue["play"] = async (mode) => {
    // So that every round begins alike.
    await sql`vacuum leasehold.job, leasehold.ready, leasehold.lease, leasehold.attempt, leasehold.result`;
    const costs = new Map<string, Cost>();
    for (const { life, name, calls } of steps) {
      const statements = calls(await readLeases(sql));
      costs.set(`${life}: ${name}`, await meter.measure(statements, mode));
    }
    return costs;
  };
  return { play, [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}

interface Statement {
  readonly text: string;
  readonly values: readonly (string | number)[];
}

interface Lease {
  readonly job_id: string;
  readonly token: string;
}

interface Step {
  readonly name: string;
  readonly calls: (leases: readonly Lease[]) => readonly Statement[];
}

interface StepOfLife extends Step {
  readonly life: string;
}

function createSteps(
  { claim, renew }: PlainQueueOptions,
  [lanes, soloLanes]: readonly [string, string],
): readonly StepOfLife[] {
  const enqueue = (size: number): Step => ({
    name: "enqueue",
    calls: () =>
      repeat(jobsPerLife / size, (call) => ({
        text: "select * from leasehold.enqueue_jobs($1::text::jsonb, $2::text::jsonb)",
        values: [
          JSON.stringify(repeat(size, (place) => ({ payload: { number: call * size + place } }))),
          JSON.stringify(shared),
        ],
      })),
  });
  const claimBy = (size: number): Step => ({
    name: "claim",
    calls: () =>
      repeat(jobsPerLife / size, () => ({
        text: `select * from leasehold.${claim}('worker', $1::uuid, $2::text::integer[], $3::text::integer[],
          $4::integer, $5::integer)`,
        values: [crypto.randomUUID(), lanes, soloLanes, size, leaseMs],
      })),
  });
  const renewBy = (size: number): Step => ({
    name: "renew",
    calls: (leases) =>
      groupsOf(leases, size).map((group) => ({
        text: `select * from leasehold.${renew}($1::text::bigint[], $2::text::uuid[])`,
        values: [arrayOf(group, "job_id"), arrayOf(group, "token")],
      })),
  });
  const completeBy = (size: number): Step => ({
    name: "complete",
    calls: (leases) =>
      groupsOf(leases, size).map((group) => ({
        text: "select * from leasehold.complete_jobs($1::text::bigint[], $2::text::uuid[], $3::text::jsonb)",
        values: [
          arrayOf(group, "job_id"),
          arrayOf(group, "token"),
          JSON.stringify(group.map(() => ({ output: { ok: true }, provenance: {} }))),
        ],
      })),
  });
  return Object.entries(lives).flatMap(([life, sizes]) => [
    { ...enqueue(sizes.enqueue), life },
    { ...claimBy(sizes.claim), life },
    { ...renewBy(sizes.renew), life },
    { ...completeBy(sizes.complete), life },
  ]);
}

async function readLeases(sql: postgres.Sql): Promise<readonly Lease[]> {
  return await sql<
    Lease[]
  >`select job_id::text, token::text from leasehold.lease order by leased_at, job_id`;
}

interface Meter {
  measure(statements: readonly Statement[], mode: PlayMode): Promise<Cost>;
}

async function openMeter(sql: postgres.Sql): Promise<Meter> {
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const readWal = async (): Promise<number> => {
    const [row] = await sql<
      { bytes: string }[]
    >`select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`;
    return Number(row?.bytes);
  };
  return {
    async measure(statements, mode) {
      const walBytes = await readWal();
      const cpuMs = readCpuMs(backend?.pid);
      let buffers = 0;
      for (const { text, values } of statements) {
        if (mode === "timed") await sql.unsafe(text, [...values]);
        else buffers += await countBuffers(sql, { text, values });
      }
      const cpuMsAfter = readCpuMs(backend?.pid);
      return {
        walBytes: (await readWal()) - walBytes,
        buffers,
        cpuMs: cpuMs === undefined || cpuMsAfter === undefined ? undefined : cpuMsAfter - cpuMs,
      };
    },
  };
}

interface ExplainedPlan {
  readonly Plan: {
    readonly "Shared Hit Blocks": number;
    readonly "Shared Read Blocks": number;
  };
}

/** What a statement looks at, with all that the functions in it do. */
async function countBuffers(sql: postgres.Sql, { text, values }: Statement): Promise<number> {
  const explain = `explain (analyze, buffers, timing off, costs off, summary off, format json) ${text}`;
  const [row] = await sql.unsafe<{ "QUERY PLAN": readonly ExplainedPlan[] }[]>(explain, [
    ...values,
  ]);
  const plan = row?.["QUERY PLAN"][0]?.Plan;
  if (plan === undefined) throw new Error("Postgres explains nothing.");
  return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
}

/** Linux counts nanoseconds per process. */
function readCpuMs(pid: number | undefined): number | undefined {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    return Number(nanoseconds) / 1e6;
  } catch {
    return undefined;
  }
}

function repeat<Item>(count: number, make: (index: number) => Item): readonly Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function groupsOf(leases: readonly Lease[], size: number): readonly (readonly Lease[])[] {
  return repeat(Math.ceil(leases.length / size), (group) =>
    leases.slice(group * size, (group + 1) * size),
  );
}

function arrayOf(leases: readonly Lease[], column: keyof Lease): string {
  return `{${leases.map((lease) => lease[column]).join(",")}}`;
}
