import { userInfo } from "node:os";

import {
  type Acting,
  type ActionNote,
  type Client,
  createClient,
  WorkerError,
} from "@leasehold/core";
import type { LearningStore } from "@leasehold/learning";

import type { WorkerConfig } from "./config.ts";
import { openDatabase, openLearningStore } from "./database.ts";

/** What an operator's command asks: the jobs, and the submissions that they are about. */
export interface Operator extends AsyncDisposable {
  readonly client: Client;
  readonly store: LearningStore;
}

/** What is done, to what, and why: for `getActions`. */
export type Act = Omit<ActionNote, "operator">;

/** A client that writes down who does this one thing, in the transaction that does it. */
export function actingAs(client: Pick<Client, "noted">, act: Act): Acting {
  return client.noted({ operator: operatorName(), ...act });
}

/** Who is at this machine: the database knows only the login that all of them share. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container a user may have a number only.
    return `user-${process.getuid?.() ?? "unknown"}`;
  }
}

/** Why something is done, for `actions`. */
export interface ReasonFlags {
  readonly reason?: string;
}

/** The reason, where one was given. */
export function reasonOf({ reason }: ReasonFlags): Pick<ActionNote, "reason"> {
  return reason === undefined ? {} : { reason };
}

/** Opens the configured database for one command, as the worker's own login. */
export async function openOperator(config: WorkerConfig): Promise<Operator> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await openDatabase(config));
  const store = stack.use(await openLearningStore(config, database.url));
  const client = stack.use(createClient({ connection: database.url, schema: config.schema }));
  const resources = stack.move();
  return { client, store, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** The id of a job, given its own or that of its submission. */
export async function findJobId({ store }: Pick<Operator, "store">, id: string): Promise<string> {
  return (await store.readSubmission(id))?.jobId ?? id;
}

/** What is done to one job. */
export interface JobAct extends Omit<Act, "target"> {
  /** The id of the job or of its submission. */
  readonly given: string;
  /** What stands behind the id in what is written down. */
  readonly detail?: string;
}

/** Does one thing to one job and answers its id. Throws what to do where Postgres refuses it. */
export async function actOnJob(
  config: WorkerConfig,
  { given, detail, ...act }: JobAct,
  run: (acting: Acting, id: string) => Promise<string>,
): Promise<string> {
  await using operator = await openOperator(config);
  const id = await findJobId(operator, given);
  const target = detail === undefined ? id : `${id} ${detail}`;
  const outcome = await run(actingAs(operator.client, { ...act, target }), id);
  if (outcome !== "ok") throw refuse(given, outcome);
  return id;
}

/** What was asked of a job, and Postgres refused, as an error that says what to do. */
export function refuse(id: string, answer: string): WorkerError {
  if (answer === "not_found") {
    return new WorkerError("not_found", `There is no submission and no job ${id}.`);
  }
  const reason = reasons[answer] ?? `Postgres answers ${answer}.`;
  return new WorkerError("input_invalid", `Job ${id} is left as it is. ${reason}`);
}

const reasons: Readonly<Record<string, string>> = {
  settled: "It has ended already: see `status`.",
  not_settled: "It has not ended: see `explain`, or `cancel` it first.",
  conflict: "Another live job holds its unique key: wait for that one, or cancel it.",
  not_failed: "It is neither failed nor dead: see `status`.",
  existing: "It was settled by hand before: `actions` says how.",
  unknown_phase: "It never came to this phase: `status` lists those that it went through.",
};
