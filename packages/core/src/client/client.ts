import type { z } from "zod";

import type { DatabaseConnection } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import type { JobOptions } from "../job-options.ts";
import { type NewJobs, payloadBytesDefault, toNewJobs } from "../new-job.ts";
import type { Pipeline } from "../pipeline.ts";
import { defaultSchema } from "../schema/migrate.ts";
import { toSignalPayload } from "../signal.ts";
import type { NewStarts } from "../store/after-store.ts";
import type {
  EnqueueAnswer,
  JobRecord,
  QueueRecord,
  ResultRecord,
  SignalAnswer,
} from "../store/client-routines.ts";
import { type ActStore, createClientStore, type Queryable } from "../store/client-store.ts";
import type { Explaining } from "../store/explaining-store.ts";
import type { Limiting } from "../store/limits-store.ts";
import type { ActionNote, Looking } from "../store/looking-store.ts";
import type { Operating } from "../store/operating-store.ts";
import type { Resources } from "../store/resources-store.ts";
import { readJob, waitForEnd, type WaitOptions, watchJob, type WatchOptions } from "./job-watch.ts";

export interface ClientOptions {
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** Bytes of a payload as JSON; at most 1,048,576. Default: 262,144. */
  readonly payloadBytesMax?: number;
}

export interface EnqueueOptions extends JobOptions {
  /** The host's transaction to enqueue in. Default: a transaction of our own. */
  readonly within?: Queryable;
}

/** What operators do to jobs and to what jobs need. */
export interface Acting
  extends
    Omit<Operating, "getPauses" | "getWorkers">,
    Omit<Resources, "getResources">,
    Omit<NewStarts, "getDeadLetters">,
    Omit<Limiting, "getLimits"> {
  cancel(id: string): Promise<"ok" | "not_found" | "settled">;
  requeue(id: string): Promise<"ok" | "not_found" | "not_settled" | "conflict">;
}

/** Adds jobs, asks about them and stops them. It claims nothing. */
export interface Client
  extends Operating, Resources, NewStarts, Limiting, Acting, Explaining, Looking, AsyncDisposable {
  /** Throws `input_invalid` with every field or option that does not fit, or `payload_too_large`. */
  enqueue<Schema extends z.ZodType>(
    pipeline: Pipeline<Schema>,
    input: z.input<Schema>,
    options?: EnqueueOptions,
  ): Promise<EnqueueAnswer>;
  /**
   * All of them in one transaction, answered in order; the options hold for each. The transaction may take 10 seconds,
   * which is enough for some 100,000 small ones without a parent.
   */
  enqueueMany<Schema extends z.ZodType>(
    pipeline: Pipeline<Schema>,
    inputs: readonly z.input<Schema>[],
    options?: Pick<
      EnqueueOptions,
      | "priority"
      | "delayMs"
      | "runAt"
      | "ttlMs"
      | "deadlineMs"
      | "tenant"
      | "trace"
      | "parent"
      | "within"
    >,
  ): Promise<readonly EnqueueAnswer[]>;
  /** Where a job is, and how far if it runs. */
  getJob(id: string): Promise<JobRecord | undefined>;
  /** What the phases returned so far, with provenance. This is content: handle it as such. */
  getResults(id: string): Promise<readonly ResultRecord[]>;
  /** The backlog, by queue, type and state. */
  getQueue(): Promise<readonly QueueRecord[]>;
  /** Resolves when the job has ended, however it ended. Throws `not_found`, or the signal's reason. */
  waitForJob(id: string, options?: WaitOptions): Promise<JobRecord>;
  /**
   * The job as it is, then again whenever it has changed; the last record is the one of its end. What comes and goes
   * between two looks is not seen. Throws `not_found`, or the signal's reason.
   */
  watch(id: string, options?: WatchOptions): AsyncIterable<JobRecord>;
  /**
   * The same acts, each written down in the transaction that does it: neither is there without the other. Make one for
   * each thing that is done, since all that is called through it is one row of `getActions`.
   */
  noted(note: ActionNote): Acting;
  /**
   * Tells a live job something, once per name, at most 64 kB as JSON; see `PhaseContext.waitFor`. It may come before the
   * job waits for it. Throws `input_invalid` or `payload_too_large`.
   */
  signal(id: string, name: string, payload?: unknown): Promise<SignalAnswer>;
  close(): Promise<void>;
}

const payloadBytesHard = 1_048_576;

/**
 * Makes a client with a small pool of its own.
 *
 * @example
 * await using client = createClient({ connection: url });
 * const { id } = await client.enqueue(greeting, { name: "Ada" });
 */
export function createClient(options: ClientOptions): Client {
  const store = createClientStore(options.connection, options.schema ?? defaultSchema);
  const bytesMax = Math.min(options.payloadBytesMax ?? payloadBytesDefault, payloadBytesHard);
  const close = (): Promise<void> => store.end();
  const send = (jobs: NewJobs, within: Queryable | undefined): Promise<readonly EnqueueAnswer[]> =>
    within === undefined ? store.enqueueJobs(jobs) : store.enqueueJobsIn(within, jobs);
  return {
    async enqueue(pipeline, input, { within, ...rest } = {}) {
      const jobs = toNewJobs(pipeline, [input], { ...rest, bytesMax });
      const [answer] = await send(jobs, within);
      if (answer === undefined) {
        throw new WorkerError("statement_failed", "Postgres gave no answer to enqueue_jobs.");
      }
      return answer;
    },
    async enqueueMany(pipeline, inputs, { within, ...rest } = {}) {
      const write = (part: readonly z.input<typeof pipeline.input>[]): NewJobs =>
        toNewJobs(pipeline, part, { ...rest, bytesMax });
      if (within !== undefined || inputs.length <= partMax)
        return await send(write(inputs), within);
      return await store.enqueueAll(inParts(inputs, write));
    },
    getJob: (id) => readJob(store, id),
    getResults: (id) => store.getResults(id),
    getQueue: () => store.getQueue(),
    explain: (id) => store.explain(id),
    waitForJob: (id, waitOptions = {}) => waitForEnd(store, id, waitOptions),
    watch: (id, watchOptions = {}) => watchJob(store, id, watchOptions),
    signal: async (id, name, payload) =>
      await store.signalJob(id, name, toSignalPayload(name, payload)),
    ...toActing(store),
    noted: (note) => toActing(store.noted(note)),
    getDeadLetters: () => store.getDeadLetters(),
    getPauses: () => store.getPauses(),
    getWorkers: () => store.getWorkers(),
    getResources: () => store.getResources(),
    getLimits: () => store.getLimits(),
    listJobs: (filter, page) => store.listJobs(filter, page),
    getTimeline: (id) => store.getTimeline(id),
    getThroughput: (minutes) => store.getThroughput(minutes),
    getActions: (actions) => store.getActions(actions),
    noteAction: (note, outcome) => store.noteAction(note, outcome),
    revealJob: (id, by) => store.revealJob(id, by),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function toActing(store: ActStore): Acting {
  return {
    cancel: (id) => store.cancelJob(id),
    requeue: (id) => store.requeueJob(id),
    requeueAll: (filter, how) => store.requeueAll(filter, how),
    replay: (id, phase) => store.replay(id, phase),
    resolve: (id, reason) => store.resolve(id, reason),
    pause: (scope, how) => store.pause(scope, how),
    resume: (scope) => store.resume(scope),
    pruneJobs: (retention) => store.pruneJobs(retention),
    setResource: (name, how) => store.setResource(name, how),
    openBreaker: (name, how) => store.openBreaker(name, how),
    closeBreaker: (name) => store.closeBreaker(name),
    redactSubject: (subject) => store.redactSubject(subject),
    setLimit: (scope, limit) => store.setLimit(scope, limit),
    dropLimit: (scope) => store.dropLimit(scope),
    setTenantWeight: (tenant, weight) => store.setTenantWeight(tenant, weight),
  };
}

/** Jobs that go to Postgres in one statement, where many are enqueued. */
const partMax = 2_000;

function* inParts<Item, Part>(
  items: readonly Item[],
  write: (part: readonly Item[]) => Part,
): Iterable<Part> {
  for (let start = 0; start < items.length; start += partMax) {
    yield write(items.slice(start, start + partMax));
  }
}
