import type { DatabaseConnection, SqlValue } from "../database/database.ts";
import type { SqlBundle } from "../schema/lease-sql.ts";
import { migrate } from "../schema/migrate.ts";
import { type BusyJobs, createTestDatabaseStore, type TestRow } from "./test-database-store.ts";
import { testingSql } from "./testing-sql.ts";

export interface TestDatabaseOptions {
  /** A database in which this login may create schemas. */
  readonly connection: DatabaseConnection;
  /** Default: a new name that begins with `leasehold_test_`. */
  readonly schema?: string;
  /**
   * SQL of other packages, applied after core's. Default: none.
   *
   * A bundle that makes things outside the schema, such as in `public`, needs a database of its own: two tests would
   * meet there, and only the schema is dropped at the end.
   */
  readonly bundles?: readonly SqlBundle[];
}

/**
 * A schema of a test's own, with a clock that the test can move. It is dropped when disposed.
 *
 * A `migrate` without the test's bundles gives the schema the real clock back.
 */
export interface TestDatabase extends AsyncDisposable {
  /** For `createWorker` and `createClient`, together with `schema`. */
  readonly connection: DatabaseConnection;
  readonly schema: string;
  /**
   * Moves the schema's clock forward (or back, below 0) and wakes sleeping workers.
   *
   * Timers in the process do not move: leases lapse and delays end, but a worker's own deadlines stay where they are.
   */
  advance(ms: number): Promise<void>;
  /** Runs a statement of the test's own. `:"schema"` in it stands for the schema's name. */
  query(text: string, parameters?: readonly SqlValue[]): Promise<readonly TestRow[]>;
  /** The jobs that a worker has to do something about now, by type and state; see `drain`. */
  listBusy(): Promise<readonly BusyJobs[]>;
}

/**
 * Makes an empty schema of this version in a database that is there.
 *
 * @example
 * await using database = await createTestDatabase({ connection: url });
 * await using client = createClient(database);
 */
export async function createTestDatabase(options: TestDatabaseOptions): Promise<TestDatabase> {
  const { connection, bundles = [] } = options;
  const schema = options.schema ?? `leasehold_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await migrate({ connection, schema, bundles: [...bundles, testingSql] });
  const store = createTestDatabaseStore(connection, schema);
  let disposed: Promise<void> | undefined;
  const dispose = async (): Promise<void> => {
    try {
      await store.drop();
    } finally {
      await store.end();
    }
  };
  return {
    connection,
    schema,
    advance: (ms) => store.advance(ms),
    query: (text, parameters = []) => store.query(text, parameters),
    listBusy: () => store.listBusy(),
    [Symbol.asyncDispose]: () => (disposed ??= dispose()),
  };
}
