import { z } from "zod";

import {
  type DatabaseConnection,
  openClient,
  routineText,
  type SqlValue,
} from "../database/database.ts";
import { isPooled } from "../database/pooler.ts";
import { renderSql } from "../schema/migrate.ts";
import { dropSchema } from "./testing-sql.ts";

/** Jobs of a type that are due or leased. */
export interface BusyJobs {
  readonly type: string;
  readonly state: string;
  readonly count: number;
}

/** A row by the names of its columns. */
export type TestRow = Readonly<Record<string, unknown>>;

/** The calls of a test database. */
export interface TestDatabaseStore {
  advance(ms: number): Promise<void>;
  listBusy(): Promise<readonly BusyJobs[]>;
  query(text: string, parameters: readonly SqlValue[]): Promise<readonly TestRow[]>;
  drop(): Promise<void>;
  end(): Promise<void>;
}

const busyRows: z.ZodType<readonly BusyJobs[]> = z.array(
  z
    .tuple([z.string(), z.string(), z.int()])
    .transform(([type, state, count]) => ({ type, state, count })),
);

/** No pool with deadlines as the product has: a test may hold a statement for as long as it likes. */
export function createTestDatabaseStore(
  connection: DatabaseConnection,
  schema: string,
): TestDatabaseStore {
  const client = openClient(connection, {
    max: 4,
    // A test that forgets to dispose must not keep its process alive.
    idle_timeout: 5,
    connection: {
      application_name: "leasehold testing",
      // A statement of the test's own may be of any kind, so it cannot be put into a transaction of ours.
      ...(isPooled(connection) ? {} : { default_transaction_isolation: "read committed" }),
    },
  });
  return {
    async advance(ms) {
      const text = routineText(schema, { name: "advance_clock", casts: ["bigint"] });
      await client.unsafe(text, [ms]);
    },
    async listBusy() {
      const text = routineText(schema, { name: "busy_jobs", casts: [] });
      return busyRows.parse(await client.unsafe(text).values());
    },
    async query(text, parameters) {
      // A plain array, without what the driver hangs on it: tests compare it.
      return Array.from(await client.unsafe<TestRow[]>(renderSql(text, schema), [...parameters]));
    },
    async drop() {
      await client.unsafe(renderSql(dropSchema, schema)).simple();
    },
    end: () => client.end({ timeout: 1 }),
  };
}
