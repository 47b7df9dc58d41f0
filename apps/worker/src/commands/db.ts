import { spawn } from "node:child_process";

import { toDriverUrl, WorkerError } from "@leasehold/core";
import postgres from "postgres";

import type { WorkerConfig } from "../config.ts";
import { openDatabase } from "../database.ts";

/** Prints where the database is. An embedded one runs while something uses it. */
export async function printUrl(config: WorkerConfig): Promise<void> {
  await using database = await openDatabase(config);
  console.log(database.url);
  if (database.embedded !== undefined) {
    console.error("The embedded Postgres stops with its last user: keep a worker running.");
  }
}

/** By the protocol in which Postgres takes one statement and no more; the driver knows `simple`, its types do not. */
const oneStatement = { prepare: true, simple: false };

/** Runs one statement and prints its rows. */
export async function query(config: WorkerConfig, statement: string): Promise<void> {
  await using database = await openDatabase(config);
  const sql = postgres(toDriverUrl(database.url), { max: 1, onnotice: () => undefined });
  try {
    const rows = await sql.unsafe(statement, [], oneStatement);
    if (rows.length > 0) console.table([...rows]);
    console.log(describeEnd(rows));
  } catch (error) {
    // The person typed the statement, so Postgres may answer in its own words.
    const message = error instanceof Error ? error.message : "unknown";
    throw new WorkerError("statement_failed", `Postgres says: ${message}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** A statement that is not about rows has no count of them. */
function describeEnd({ command, count }: { command: string; count: number | null }): string {
  if (count === null) return `${command}: done`;
  return `${count} ${count === 1 ? "row" : "rows"}`;
}

/** Opens psql on the database and lends it the terminal. */
export async function shell(config: WorkerConfig): Promise<boolean> {
  await using database = await openDatabase(config);
  const child = spawn("psql", [database.url], { stdio: "inherit" });
  return await new Promise((resolve, reject) => {
    child.on("error", () => {
      const message = "psql is not installed: install a PostgreSQL client, or use `db query`.";
      reject(new WorkerError("config_invalid", message, { scope: "config" }));
    });
    child.on("exit", (code) => resolve(code === 0));
  });
}
