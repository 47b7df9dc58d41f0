import { expect } from "bun:test";

import { doctor, WorkerError } from "@leasehold/core";

import type { ArmedFault, FaultKind } from "../fault-plan.ts";
import { essayOf, inTime, type MatrixBench, resultOf, statementMs } from "./matrix-bench.ts";
import type { Scenario } from "./scenario.ts";

const essay = essayOf({ draft: async () => resultOf(1), grade: async () => resultOf(2) });

export interface ClientCall<Answer> {
  /** Brings about what the call is about; answers its id, where it has one. */
  prepare(bench: MatrixBench): Promise<string>;
  call(bench: MatrixBench, id: string): Promise<Answer>;
  /** What the caller hears who asks again, when the first call was done or not. */
  readonly again: { readonly done: unknown; readonly notDone: unknown };
  check?(bench: MatrixBench, id: string): Promise<void>;
}

/** A call is refused in time, asking again is safe, and what was asked for has happened once. */
export function asking<Answer>(statement: RegExp, asked: ClientCall<Answer>): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const id = await asked.prepare(bench);
      const fault = bench.proxy.arm({ statement, kind });

      const refusal = await refusalOf(fault, asked.call(bench, id));
      const again = await asked.call(bench, id);

      expect(refusal).toBe("database_unavailable");
      expect(again).toMatchObject(expectedOf(asked, kind) as object);
      await asked.check?.(bench, id);
    },
  };
}

function expectedOf<Answer>({ again }: ClientCall<Answer>, kind: FaultKind): unknown {
  return kind === "cut-before" ? again.notDone : again.done;
}

async function refusalOf(fault: ArmedFault, call: Promise<unknown>): Promise<string> {
  const told = call.then(
    () => "it was answered",
    (error: unknown) => (WorkerError.is(error) ? error.code : String(error)),
  );
  return await inTime(fault, statementMs.work, told);
}

/** A job that waits its turn; answers its id. */
export const enqueued = async ({ observer }: MatrixBench): Promise<string> =>
  (await observer.enqueue(essay, {})).id;

/** A job that somebody runs: how far is asked of no other. */
async function leased(bench: MatrixBench): Promise<string> {
  const id = await enqueued(bench);
  const lanes = await bench.database.query(
    `select lane_id from :"schema".declare_lanes('default', 'essay', 1::smallint, array['draft'])`,
  );
  await bench.database.query(
    `select from :"schema".claim_jobs('somebody', gen_random_uuid(), array[$1::integer], '{}', 1, 60000)`,
    [Number(lanes[0]?.["lane_id"])],
  );
  return id;
}

/** A question has the same answer, however often it is asked. */
export const same = (answer: unknown): ClientCall<unknown>["again"] => ({
  done: answer,
  notDone: answer,
});

const ours = { type: "essay" };
/** A doctor tells of a database that does not answer, and is asked again. */
const examining = (statement: RegExp): Scenario =>
  asking(statement, {
    prepare: async () => "",
    async call({ proxy, database }) {
      const findings = await doctor({ connection: proxy.url, schema: database.schema });
      const [first] = findings;
      if (first?.status === "fail") {
        throw new WorkerError("database_unavailable", first.message, { scope: "backend" });
      }
      return { checks: findings.map(({ check }) => check) };
    },
    again: same({ checks: expect.arrayContaining(["schema", "snapshot"]) }),
  });

/** Every statement of a client, by its name. */
export const clientScenarios: Readonly<Record<string, Scenario>> = {
  enqueue_jobs: asking(/\.enqueue_jobs\(/, {
    prepare: async () => crypto.randomUUID(),
    call: ({ client }, id) => client.enqueue(essay, {}, { id }),
    again: { done: { outcome: "existing" }, notDone: { outcome: "created" } },
    async check({ database }) {
      expect(await database.listBusy()).toEqual([{ type: "essay", state: "due", count: 1 }]);
    },
  }),
  get_job_v2: asking(/\.get_job_v2\(/, {
    prepare: enqueued,
    call: ({ client }, id) => client.getJob(id),
    again: same({ state: "queued" }),
  }),
  get_progress: asking(/\.get_progress\(/, {
    prepare: leased,
    call: ({ client }, id) => client.getJob(id),
    again: same({ state: "leased" }),
  }),
  get_results: asking(/\.get_results\(/, {
    prepare: enqueued,
    call: ({ client }, id) => client.getResults(id),
    again: same([]),
  }),
  get_queue_v2: asking(/\.get_queue_v2\(/, {
    prepare: enqueued,
    call: ({ client }) => client.getQueue(),
    again: same([{ type: "essay", state: "due", count: 1 }]),
  }),
  cancel_job: asking(/\.cancel_job\(/, {
    prepare: enqueued,
    call: async ({ client }, id) => ({ answer: await client.cancel(id) }),
    again: { done: { answer: "settled" }, notDone: { answer: "ok" } },
    async check({ observer, database }, id) {
      expect(await observer.getJob(id)).toMatchObject({ state: "cancelled" });
      expect(await database.listBusy()).toEqual([]);
    },
  }),
  signal_job: asking(/\.signal_job\(/, {
    prepare: enqueued,
    call: async ({ client }, id) => ({ answer: await client.signal(id, "approval", 1) }),
    again: { done: { answer: "existing" }, notDone: { answer: "ok" } },
    async check({ database }) {
      expect(await database.query('select payload from :"schema".signal')).toEqual([
        { payload: 1 },
      ]);
    },
  }),
  requeue_job: asking(/\.requeue_job\(/, {
    async prepare(bench) {
      const id = await enqueued(bench);
      expect(await bench.observer.cancel(id)).toBe("ok");
      return id;
    },
    call: async ({ client }, id) => ({ answer: await client.requeue(id) }),
    again: { done: { answer: "not_settled" }, notDone: { answer: "ok" } },
    async check({ observer, database }, id) {
      expect(await observer.getJob(id)).toMatchObject({ state: "queued" });
      expect(await database.listBusy()).toEqual([{ type: "essay", state: "due", count: 1 }]);
    },
  }),
  requeue_jobs: asking(/\.requeue_jobs\(/, {
    async prepare(bench) {
      const id = await enqueued(bench);
      expect(await bench.observer.cancel(id)).toBe("ok");
      return id;
    },
    call: ({ client }) => client.requeueAll({ state: "cancelled" }),
    again: { done: { requeued: 0 }, notDone: { requeued: 1 } },
    async check({ observer, database }, id) {
      expect(await observer.getJob(id)).toMatchObject({ state: "queued" });
      expect(await database.listBusy()).toEqual([{ type: "essay", state: "due", count: 1 }]);
    },
  }),
  replay_job: asking(/\.replay_job\(/, {
    async prepare(bench) {
      const id = await enqueued(bench);
      expect(await bench.observer.cancel(id)).toBe("ok");
      return id;
    },
    call: async ({ client }, id) => ({ answer: await client.replay(id, "draft") }),
    again: { done: { answer: "not_settled" }, notDone: { answer: "ok" } },
    async check({ observer, database }, id) {
      expect(await observer.getJob(id)).toMatchObject({ state: "queued" });
      expect(await database.listBusy()).toEqual([{ type: "essay", state: "due", count: 1 }]);
    },
  }),
  resolve_job: asking(/\.resolve_job\(/, {
    async prepare(bench) {
      const id = await leased(bench);
      await bench.database.query(
        `select l.* from :"schema".lease as e
         cross join :"schema".fail_job(e.job_id, e.token, 'input_corrupt', 'It is torn.') as l`,
      );
      return id;
    },
    call: async ({ client }, id) => ({ answer: await client.resolve(id, "By hand.") }),
    again: { done: { answer: "existing" }, notDone: { answer: "ok" } },
    async check({ observer }, id) {
      expect(await observer.getJob(id)).toMatchObject({ state: "cancelled", code: "resolved" });
    },
  }),
  get_dead_letters: asking(/\.get_dead_letters\(/, {
    prepare: enqueued,
    call: ({ client }) => client.getDeadLetters(),
    again: same([]),
  }),
  pause: asking(/\.pause\(/, {
    prepare: enqueued,
    call: async ({ client }) => ({ answer: await client.pause({ type: "essay" }) }),
    again: { done: { answer: "already" }, notDone: { answer: "ok" } },
    async check({ observer }) {
      expect(await observer.getPauses()).toMatchObject([{ scope: { type: "essay" } }]);
    },
  }),
  resume: asking(/\.resume\(/, {
    async prepare(bench) {
      await bench.observer.pause({ type: "essay" });
      return "";
    },
    call: async ({ client }) => ({ answer: await client.resume({ type: "essay" }) }),
    again: { done: { answer: "not_paused" }, notDone: { answer: "ok" } },
    async check({ observer }) {
      expect(await observer.getPauses()).toEqual([]);
    },
  }),
  get_pauses: asking(/\.get_pauses\(/, {
    async prepare(bench) {
      await bench.observer.pause({ queue: "bulk" });
      return "";
    },
    call: ({ client }) => client.getPauses(),
    again: same([{ scope: { queue: "bulk" } }]),
  }),
  explain_job: asking(/\.explain_job\(/, {
    prepare: enqueued,
    call: ({ client }, id) => client.explain(id),
    again: same([{ cause: "no_worker" }]),
  }),
  set_limit: asking(/\.set_limit\(/, {
    prepare: enqueued,
    call: async ({ client }) => ({ answer: await client.setLimit(ours, { concurrencyMax: 1 }) }),
    again: { done: { answer: "changed" }, notDone: { answer: "created" } },
    async check({ observer, database }) {
      expect(await observer.getLimits()).toMatchObject([{ scope: ours, concurrencyMax: 1 }]);
      expect(await database.listBusy()).toEqual([{ type: "essay", state: "due", count: 1 }]);
    },
  }),
  drop_limit: asking(/\.drop_limit\(/, {
    async prepare(bench) {
      await bench.observer.setLimit(ours, { concurrencyMax: 1 });
      return await enqueued(bench);
    },
    call: async ({ client }) => ({ answer: await client.dropLimit(ours) }),
    again: { done: { answer: "not_found" }, notDone: { answer: "ok" } },
    async check({ observer }) {
      expect(await observer.getLimits()).toEqual([]);
    },
  }),
  get_limits: asking(/\.get_limits\(/, {
    async prepare(bench) {
      await bench.observer.setLimit(ours, { concurrencyMax: 1 });
      return "";
    },
    call: ({ client }) => client.getLimits(),
    again: same([{ scope: ours, concurrencyMax: 1, running: 0 }]),
  }),
  set_tenant_weight: asking(/\.set_tenant_weight\(/, {
    prepare: async () => "",
    call: async ({ client }) => ({ answer: await client.setTenantWeight("acme", 3) }),
    again: same({ answer: undefined }),
    async check({ observer }) {
      expect(await observer.getLimits()).toMatchObject([{ scope: { tenant: "acme" }, weight: 3 }]);
    },
  }),
  get_workers: asking(/\.get_workers\(/, {
    prepare: async () => "",
    call: ({ client }) => client.getWorkers(),
    again: same([]),
  }),
  prune_jobs: asking(/\.prune_jobs\(/, {
    async prepare(bench) {
      const id = await enqueued(bench);
      await bench.observer.cancel(id);
      await bench.database.advance(1_000);
      return id;
    },
    call: ({ client }) => client.pruneJobs({ cancelledMs: 1_000 }),
    again: { done: { cancelled: 0 }, notDone: { cancelled: 1 } },
    async check({ observer }, id) {
      expect(await observer.getJob(id)).toBeUndefined();
    },
  }),
  redact_subject: asking(/\.redact_subject\(/, {
    prepare: async ({ observer }) =>
      (await observer.enqueue(essay, { text: "canary" }, { subject: "ada" })).id,
    call: ({ client }) => client.redactSubject("ada"),
    again: { done: { jobs: 0, cancelled: 0 }, notDone: { jobs: 1, cancelled: 1 } },
    async check({ observer }, id) {
      expect(await observer.getJob(id)).toMatchObject({ state: "cancelled", code: "redacted" });
    },
  }),
  doctor_server: examining(/\.doctor_server\(/),
  doctor_schema: examining(/\.doctor_schema\(/),
};
