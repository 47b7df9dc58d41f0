import { spawn } from "node:child_process";

import { toDriverUrl, WorkerError } from "@leasehold/core";
import { type Command, Option } from "commander";
import postgres from "postgres";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { Cell, TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openDatabase } from "../database.ts";

export function addDatabase(program: Command): void {
  const database = program
    .command("db")
    .description("reach the database that the worker would use");
  database
    .command("url")
    .description("print its URL, with the password that it holds")
    .addOption(jsonOption())
    .action((flags: AnswerFlags) => execute((config) => printUrl(config, flags)));
  database
    .command("query")
    .description("run one statement and print its rows, content included")
    .argument("<sql>", "the statement, or - to read it from standard input")
    .addOption(adminOption())
    .addOption(jsonOption())
    .action((sql: string, flags: QueryFlags) => execute((config) => query(config, sql, flags)));
  database
    .command("shell")
    .description("open psql on it")
    .addOption(adminOption())
    .action((flags: AdminFlags) =>
      execute((config) => shell(config, flags), { ignoresInterrupts: true }),
    );
  database.addHelpText(
    "after",
    examples(["db query 'select * from leasehold.queue_health'", "as the worker's login"]),
  );
}

interface AdminFlags {
  readonly admin?: true;
}

interface QueryFlags extends AnswerFlags, AdminFlags {}

function adminOption(): Option {
  return new Option("--admin", "as the administrator of LEASEHOLD_ADMIN_DATABASE_URL");
}

interface OpenUrl extends AsyncDisposable {
  readonly url: string;
}

/** The database as the worker's login, or as the administrator: of the embedded Postgres that is us. */
async function openUrl(config: WorkerConfig, { admin }: AdminFlags): Promise<OpenUrl> {
  const { adminDatabaseUrl } = config;
  if (admin === true && config.databaseUrl !== undefined && adminDatabaseUrl === undefined) {
    throw new WorkerError("config_invalid", "--admin needs LEASEHOLD_ADMIN_DATABASE_URL.", {
      scope: "config",
    });
  }
  const databaseUrl = admin === true ? adminDatabaseUrl : config.databaseUrl;
  const database = await openDatabase({ ...config, databaseUrl });
  const { url, embedded } = database;
  return {
    url: admin === true ? (embedded?.databaseUrl("leasehold", "postgres") ?? url) : url,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** Prints where the database is. An embedded one runs while something uses it. */
async function printUrl(config: WorkerConfig, flags: AnswerFlags): Promise<void> {
  await using database = await openDatabase(config);
  createAnswer(flags).thing({ url: database.url }, [database.url]);
  if (database.embedded !== undefined) {
    console.error("The embedded Postgres stops with its last user: keep a worker running.");
  }
}

/** By the protocol in which Postgres takes one statement and no more; the driver knows `simple`, its types do not. */
const oneStatement = { prepare: true, simple: false };

/** Runs one statement and prints its rows. */
async function query(config: WorkerConfig, given: string, flags: QueryFlags): Promise<void> {
  const statement = given === "-" ? await Bun.stdin.text() : given;
  await using database = await openUrl(config, flags);
  const sql = postgres(toDriverUrl(database.url), { max: 1, onnotice: () => undefined });
  try {
    const rows = await sql.unsafe<Record<string, unknown>[]>(statement, [], oneStatement);
    const answer = createAnswer(flags);
    if (rows.length > 0 || flags.json === true) answer.rows([...rows], viewOf(rows.columns), "");
    answer.say(describeEnd(rows));
  } catch (error) {
    // The person typed the statement, so Postgres may answer in its own words.
    const message = error instanceof Error ? error.message : "unknown";
    throw new WorkerError("statement_failed", `Postgres says: ${message}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function viewOf(columns: readonly { readonly name: string }[]): TableView<Record<string, unknown>> {
  return Object.fromEntries(columns.map(({ name }) => [name, (row) => toCell(row[name])]));
}

function toCell(value: unknown): Cell {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "number" || typeof value === "string" || value instanceof Date) return value;
  return JSON.stringify(value);
}

/** A statement that is not about rows has no count of them. */
function describeEnd({ command, count }: { command: string; count: number | null }): string {
  if (count === null) return `${command}: done`;
  return `${count} ${count === 1 ? "row" : "rows"}`;
}

/** Opens psql on the database and lends it the terminal. */
async function shell(config: WorkerConfig, flags: AdminFlags): Promise<boolean> {
  await using database = await openUrl(config, flags);
  const child = spawn("psql", [database.url], { stdio: "inherit" });
  return await new Promise((resolve, reject) => {
    child.on("error", () => {
      const message = "psql is not installed: install a PostgreSQL client, or use `db query`.";
      reject(new WorkerError("config_invalid", message, { scope: "config" }));
    });
    child.on("exit", (code) => resolve(code === 0));
  });
}
