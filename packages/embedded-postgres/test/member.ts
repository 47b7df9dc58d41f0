// A process that uses the private PostgreSQL as an application would. It says what happened to it in lines of JSON, and
// stops when it reads a line.
import postgres from "postgres";

import { startEmbeddedPostgres } from "../src/index.ts";
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from "../src/index.ts";

export interface MemberOrder {
  readonly options: EmbeddedPostgresOptions;
  /** Start, write a row and stop so many times, instead of staying. */
  readonly rounds?: number;
}

function say(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function writeRow(database: EmbeddedPostgres): Promise<void> {
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  try {
    await sql`select pg_advisory_lock(1)`;
    await sql`create table if not exists visit (id bigint generated always as identity primary key)`;
    await sql`select pg_advisory_unlock(1)`;
    await sql`insert into visit default values`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function visitRepeatedly(order: MemberOrder): Promise<void> {
  for (let round = 0; round < (order.rounds ?? 0); round += 1) {
    const database = await startEmbeddedPostgres(order.options);
    try {
      await writeRow(database);
    } finally {
      await database.stop();
    }
    say({ event: "visited", found: database.found });
  }
}

async function stay(order: MemberOrder): Promise<void> {
  const beganAt = performance.now();
  const database = await startEmbeddedPostgres(order.options);
  const { url, adminUrl, found, version, origin } = database;
  say({ event: "entered", url, adminUrl, found, version, origin, ms: performance.now() - beganAt });
  for await (const _ of process.stdin) break;
  await database.stop();
  say({ event: "left" });
}

try {
  const order = JSON.parse(process.argv[2] ?? "{}") as MemberOrder;
  await (order.rounds === undefined ? stay(order) : visitRepeatedly(order));
  process.exit(0);
} catch (error) {
  const { code, message } = error as { code?: string; message?: string };
  say({ event: "failed", code, message });
  process.exit(1);
}
