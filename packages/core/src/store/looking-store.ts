import { z } from "zod";

import type { Pool, Routine, SqlValue } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { isUuid } from "../job-id.ts";
import { type JobState, jobStates } from "../job-state.ts";
import { toStorableJson, toStorableText } from "../json.ts";
import {
  type ActionRecord,
  type JobPage,
  type JobTimeline,
  lookingRoutines as routines,
  type RevealedJob,
  type ThroughputRecord,
} from "./looking-routines.ts";
import { callForOne } from "./store-calls.ts";

/** Which jobs are meant. What is absent does not matter. */
export interface JobFilter {
  readonly queue?: string;
  readonly type?: string;
  readonly state?: JobState;
  /** The last trouble. */
  readonly code?: string;
  readonly tenant?: string;
  /** Who has it, or had it last. */
  readonly worker?: string;
}

export interface PageOptions {
  /** From 1 to 200. Default: 50. */
  readonly limit?: number;
  /** What the page before answered in `next`. */
  readonly after?: string;
}

export interface ActionOptions {
  /** From 1 to 200. Default: 50. */
  readonly limit?: number;
  /** The `number` of the last one that was seen. */
  readonly before?: string;
  readonly operator?: string;
  readonly target?: string;
}

/** What an operator does, and why, for whoever asks later. */
export interface ActionNote {
  /** In the host's words, at most 128 characters. */
  readonly operator: string;
  /** Such as `job.requeue`: words of `[a-z0-9_]` with dots between. */
  readonly action: string;
  /** A job, a queue, a filter: never what is in a job. 512 characters are kept. */
  readonly target?: string;
  /** The operator's own words; 1,024 characters are kept. */
  readonly reason?: string;
}

/** What came of it. */
export interface ActionOutcome {
  /** A word of `[a-z0-9_]`. Default: `ok`. */
  readonly outcome?: string;
  /** How many jobs were changed. Default: 0. */
  readonly jobs?: number;
}

/** What shows jobs to operators, and what operators did, as part of a client. */
export interface Looking {
  /**
   * The newest jobs first; of a state that jobs end badly in, those that ended last. A call looks at some 20,000 jobs at
   * most, so that a page may be short, or empty, and still have a `next`. Throws `input_invalid` for a filter that is none.
   */
  listJobs(filter?: JobFilter, page?: PageOptions): Promise<JobPage>;
  /** All that is known of one job, without content. */
  getTimeline(id: string): Promise<JobTimeline | undefined>;
  /** What began and ended in each of the last minutes, at most 1,440; the present one last. Default: 60. */
  getThroughput(minutes?: number): Promise<readonly ThroughputRecord[]>;
  /** What operators did, the newest first. */
  getActions(options?: ActionOptions): Promise<readonly ActionRecord[]>;
  /** Writes down what was done elsewhere. What this client does itself is written down by `noted`. */
  noteAction(note: ActionNote, outcome?: ActionOutcome): Promise<void>;
  /**
   * What is in a job, for an operator who says why, which is written down before it is read. This is content: handle it as
   * such. The schema's owner grants `reveal_job` to the logins that may.
   */
  revealJob(id: string, by: { operator: string; reason: string }): Promise<RevealedJob | undefined>;
}

const optionalWord = z.string().max(256).optional();
const limit = z.int().min(1).max(200).default(50);

const filterSchema = z.strictObject({
  queue: optionalWord,
  type: optionalWord,
  state: z.enum(jobStates).optional(),
  code: optionalWord,
  tenant: optionalWord,
  worker: optionalWord,
});
const place = z.strictObject({
  jobId: z.int().min(0),
  finishedAt: z.iso.datetime({ offset: true }).optional(),
});
const pageSchema = z.strictObject({
  limit,
  after: z
    .string()
    .max(256)
    .transform((text, context) => {
      const parsed = place.safeParse(parseJson(text));
      if (parsed.success) return parsed.data;
      context.addIssue("is not what a page answered in `next`");
      return z.NEVER;
    })
    .optional(),
});
const minutesSchema = z.int().min(1).max(1_440).default(60);
const actionsSchema = z.strictObject({
  limit,
  before: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
  operator: optionalWord,
  target: z.string().max(512).optional(),
});

export function createLooking(pool: Pick<Pool, "call">): Looking {
  return {
    async listJobs(filter = {}, options = {}) {
      const { limit: most, after } = parse(pageSchema, options);
      const asked = { ...parse(filterSchema, filter), ...(after === undefined ? {} : { after }) };
      return await callForOne(pool, routines.listJobs, [toStorableJson(asked), most]);
    },
    async getTimeline(id) {
      return isUuid(id) ? (await pool.call(routines.getTimeline, [id]))[0] : undefined;
    },
    getThroughput: async (minutes) =>
      await pool.call(routines.getThroughput, [parse(minutesSchema, minutes)]),
    async getActions(options = {}) {
      const { before, limit: most, operator, target } = parse(actionsSchema, options);
      const values = [before ?? null, most, operator ?? null, target ?? null];
      return await pool.call(routines.getActions, values);
    },
    async noteAction(note, { outcome = "ok", jobs = 0 } = {}) {
      const values = [...noteValues(crypto.randomUUID(), note), outcome, jobs];
      await callForOne(pool, routines.noteAction, values);
    },
    async revealJob(id, { operator, reason }) {
      if (!isUuid(id)) return undefined;
      const [who, why] = [toStorableText(operator), toStorableText(reason)];
      return (await pool.call(routines.revealJob, [id, who, why]))[0];
    },
  };
}

/**
 * Makes calls that change something and the note of it in one transaction each: neither is there without the other. All
 * calls through one of these are one act.
 */
export function createNotedCalls(
  pool: Pick<Pool, "transaction">,
  note: ActionNote,
): Pick<Pool, "call"> {
  const id = crypto.randomUUID();
  return {
    async call<Answer>(routine: Routine<Answer>, values: readonly SqlValue[]) {
      let answers: readonly Answer[] = [];
      await pool.transaction(async (transaction) => {
        await transaction.call(routines.beginAction, []);
        answers = await transaction.call(routine, values);
        const { outcome, jobs } = tellOutcome(routine.name, answers[0]);
        await callForOne(transaction, routines.noteAction, [
          ...noteValues(id, note),
          outcome,
          jobs,
        ]);
      });
      return answers;
    },
  };
}

type NoteValues = readonly [
  id: string,
  operator: string,
  action: string,
  target: string | null,
  reason: string | null,
];

function noteValues(id: string, { operator, action, target, reason }: ActionNote): NoteValues {
  return [id, toStorableText(operator), action, toNullable(target), toNullable(reason)];
}

function toNullable(text: string | undefined): string | null {
  return text === undefined ? null : toStorableText(text);
}

/** The functions that change one job, and answer `ok` when they did. */
const actsOnOneJob: ReadonlySet<string> = new Set([
  "cancel_job",
  "requeue_job",
  "replay_job",
  "resolve_job",
]);

/** What acts answer is a word, or tells how many jobs they changed. */
function tellOutcome(name: string, answer: unknown): Required<ActionOutcome> {
  if (typeof answer === "string") {
    return { outcome: answer, jobs: answer === "ok" && actsOnOneJob.has(name) ? 1 : 0 };
  }
  const { requeued, jobs }: { readonly requeued?: unknown; readonly jobs?: unknown } =
    Object(answer);
  const changed = requeued ?? jobs;
  return { outcome: "ok", jobs: typeof changed === "number" ? changed : 0 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parse<Value>(schema: z.ZodType<Value>, given: unknown): Value {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join(".") || "(top)"}: ${message}`,
  );
  throw new WorkerError("input_invalid", `Not looked for: ${problems.join("; ")}.`);
}
