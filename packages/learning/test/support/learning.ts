import { afterAll } from "bun:test";

import { type Client, createClient } from "@leasehold/core";
import { createTestDatabase, type TestDatabase, type TestRow } from "@leasehold/core/testing";
import type { EmbeddedPostgres } from "@leasehold/embedded-postgres";

import { learningSql } from "../../src/learning-sql.ts";
import { createLearningStore, type LearningStore } from "../../src/learning-store.ts";
import { joinServer } from "./server.ts";
import { openSession } from "./session.ts";

/** Objects are sent as JSON. */
export type Value = string | number | boolean | null | object;

/** What a submission and its job are called. */
export interface Submitted {
  readonly id: string;
  readonly jobId: string;
}

/** A database of a test's own with the learning worker's tables and a clock that the test can move. */
export interface Learning extends AsyncDisposable {
  /** An ordinary login, which owns the database. */
  readonly url: string;
  /** The superuser, in the same database. */
  readonly adminUrl: string;
  /** The same database for another login. */
  readonly urlFor: (role: string) => string;
  readonly database: TestDatabase;
  readonly client: Client;
  readonly store: LearningStore;
  /** Runs a statement; `:"schema"` stands for the schema's name. */
  readonly query: (text: string, ...values: readonly Value[]) => Promise<readonly TestRow[]>;
  /** The one row that a statement answers. */
  readonly row: (text: string, ...values: readonly Value[]) => Promise<TestRow>;
  /** Calls `learning_submit`. Default: a short text. */
  readonly submit: (submission?: object) => Promise<Submitted>;
  /** A row of `public.learning_submissions`. */
  readonly submission: (id: string) => Promise<TestRow>;
}

/** What `learning_submit` takes. */
export type SubmissionRequest = Readonly<Record<string, unknown>>;

/** The request for a text. */
export const textSubmission: SubmissionRequest = {
  student_sub: "ada",
  kind: "text",
  text_body: "Die Sonne scheint. Der Bach rauscht.",
  criteria: ["Inhalt", "Sprache"],
};

/** The request for an upload. */
export const fileSubmission: SubmissionRequest = {
  student_sub: "ada",
  kind: "file",
  storage_key: "submissions/essay.pdf",
  mime_type: "application/pdf",
  size_bytes: 1000,
  sha256: "ab".repeat(32),
  criteria: ["Inhalt", "Sprache"],
};

/** Every table that a test can fill. */
const filled = [
  "job",
  "ready",
  "lease",
  "stopped",
  "attempt",
  "job_counter",
  "result",
  "unique_key",
  "learning_score",
  "resource",
];

/**
 * Gives each test of a file the same database, emptied and with its clock set right: to make one takes longer than most
 * tests. Tests of a file follow each other.
 */
export function useLearning(): () => Promise<Learning> {
  const stack = new AsyncDisposableStack();
  const make = async (): Promise<Learning> =>
    stack.use(await setupLearning(stack.use(await joinServer())));
  let made: Promise<Learning> | undefined;
  afterAll(() => stack.disposeAsync());
  return async () => {
    const learning = await (made ??= make());
    const tables = [...filled.map((table) => `:"schema".${table}`), "public.learning_submissions"];
    // Faster than TRUNCATE for tables of a few rows.
    const statements = tables.map((table) => `delete from ${table};`).join(" ");
    await learning.query(
      `do $$ begin ${statements} update :"schema".test_clock set offset_ms = 0; end $$`,
    );
    return { ...learning, [Symbol.asyncDispose]: () => Promise.resolve() };
  };
}

export interface LearningOptions {
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** What the host has in the database already, in SQL. */
  readonly before?: string;
}

/** Makes a database; disposing of it removes it. For tests that change what is in it for good. */
export async function setupLearning(
  server: EmbeddedPostgres,
  { schema = "leasehold", before }: LearningOptions = {},
): Promise<Learning> {
  const name = `learning_${crypto.randomUUID().replaceAll("-", "")}`;
  const url = await server.createDatabase(name);
  const adminUrl = server.databaseUrl(name, "postgres");
  const database = await fill(url, { schema, before }).catch(async (error: unknown) => {
    await server.dropDatabase(name);
    throw error;
  });
  const client = createClient(database);
  const store = createLearningStore({ connection: url, schema });

  const query: Learning["query"] = (text, ...values) =>
    database.query(
      text,
      values.map((value) =>
        typeof value === "object" && value !== null ? JSON.stringify(value) : value,
      ),
    );
  const row: Learning["row"] = async (text, ...values) => {
    const [first, ...others] = await query(text, ...values);
    if (first === undefined || others.length > 0) {
      throw new Error(`Expected one row, got ${others.length + (first === undefined ? 0 : 1)}.`);
    }
    return first;
  };

  return {
    url,
    adminUrl,
    urlFor: (role) => server.databaseUrl(name, role),
    database,
    client,
    store,
    query,
    row,
    async submit(submission = textSubmission) {
      const answer = await row(
        'select * from :"schema".learning_submit($1::text::jsonb)',
        submission,
      );
      return { id: String(answer["submission_id"]), jobId: String(answer["job_id"]) };
    },
    submission: (id) => row("select * from public.learning_submissions where id = $1", id),
    async [Symbol.asyncDispose]() {
      await Promise.all([client.close(), store.close()]);
      // Under another owner the schema can't be dropped by this login: it goes with its database.
      await Promise.allSettled([database[Symbol.asyncDispose]()]);
      await server.dropDatabase(name);
    },
  };
}

async function fill(
  url: string,
  { schema, before }: { readonly schema: string; readonly before: string | undefined },
): Promise<TestDatabase> {
  if (before !== undefined) await runScript(url, before);
  return await createTestDatabase({ connection: url, schema, bundles: [learningSql] });
}

/** Runs several statements at once, without parameters. */
export async function runScript(url: string, text: string): Promise<void> {
  await using session = await openSession(url);
  await session.script(text);
}
