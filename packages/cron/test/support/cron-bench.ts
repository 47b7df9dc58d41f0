import { type Client, createClient, definePipeline, type Pipeline } from "@leasehold/core";
import { createTestDatabase, type TestDatabase, type TestRow } from "@leasehold/core/testing";
import { z } from "zod";

import { cronSql } from "../../src/cron-sql.ts";
import { defineSchedule, type Schedule, type ScheduleDefinition } from "../../src/schedule.ts";
import { createScheduler, type Scheduler, type SchedulerEvent } from "../../src/scheduler.ts";
import type { TestServer } from "./server.ts";

interface Report {
  readonly topic: string;
  readonly at?: string | undefined;
}

/** The jobs of all schedules here. */
export const report: Pipeline<z.ZodType<Report, Report>> = definePipeline({
  type: "report",
  version: 1,
  input: z.object({ topic: z.string(), at: z.iso.datetime().optional() }),
  phases: [{ name: "write", output: z.string() }],
});

/** A schedule with what a test does not care about left out: the first of every hour, UTC. */
export function scheduleOf(
  definition: Partial<ScheduleDefinition<z.ZodType<Report, Report>>> = {},
): Schedule {
  return defineSchedule({
    name: "hourly",
    cron: "0 * * * *",
    timeZone: "UTC",
    pipeline: report,
    input: { topic: "weather" },
    ...definition,
  });
}

/** A slot, as its row says it. */
export interface SlotRow {
  readonly schedule: string;
  readonly slot: string;
  readonly outcome: string | null;
}

/** A schema with the tables of schedules, whose clock stands at a moment that a test chose. */
export interface CronBench extends AsyncDisposable {
  readonly url: string;
  readonly database: TestDatabase;
  readonly client: Client;
  /** It plans and enqueues when it is told to. */
  readonly scheduler: Scheduler;
  /** What the scheduler told. */
  readonly events: readonly SchedulerEvent[];
  /** One more, with connections of its own. */
  addScheduler(): Scheduler;
  query(text: string, ...values: readonly (string | number)[]): Promise<readonly TestRow[]>;
  /** Sets the schema's clock. It goes on from there. */
  setClock(moment: string): Promise<void>;
  /** Every slot in order, with what became of it. */
  listSlots(): Promise<readonly SlotRow[]>;
  /** The slots that became jobs, in the order in which those were enqueued. */
  listJobSlots(): Promise<readonly string[]>;
}

export async function setupCron(
  server: TestServer,
  moment: string = "2026-06-01T00:00:00Z",
): Promise<CronBench> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(
    await createTestDatabase({ connection: server.url, bundles: [cronSql] }),
  );
  const { connection, schema } = database;
  const client = stack.use(createClient(database));
  const addScheduler = (): Scheduler => kept.use(createScheduler({ connection, schema }));
  const kept = stack.use(new AsyncDisposableStack());
  const scheduler = addScheduler();
  const events: SchedulerEvent[] = [];
  scheduler.subscribe((event) => events.push(event));
  const setClock = async (to: string): Promise<void> => {
    const [row] = await database.query(
      `select (extract(epoch from $1::timestamptz - :"schema".clock()) * 1000)::bigint::text as ms`,
      [to],
    );
    await database.advance(Number(row?.["ms"]));
  };
  await setClock(moment);
  const rest = stack.move();
  return {
    url: server.url,
    database,
    client,
    scheduler,
    events,
    addScheduler,
    setClock,
    query: (text, ...values) => database.query(text, values),
    async listSlots() {
      const rows = await database.query(
        'select schedule, slot_at, outcome from :"schema".cron_slot order by slot_at, schedule',
      );
      return rows.map(({ schedule: name, slot_at: slot, outcome }) => ({
        schedule: String(name),
        slot: toIso(slot),
        outcome: typeof outcome === "string" ? outcome : null,
      }));
    },
    async listJobSlots() {
      const rows = await database.query(
        `select t.slot_at from :"schema".job as j join :"schema".cron_slot as t on t.job_id = j.public_id order by j.id`,
      );
      return rows.map(({ slot_at: slot }) => toIso(slot));
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function toIso(moment: unknown): string {
  return moment instanceof Date ? moment.toISOString() : String(moment);
}
