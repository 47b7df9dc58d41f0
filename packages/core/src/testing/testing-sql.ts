import advanceClock from "../../sql/testing/advance_clock.sql" with { type: "text" };
import busyJobs from "../../sql/testing/busy_jobs.sql" with { type: "text" };
import clock from "../../sql/testing/clock.sql" with { type: "text" };
import dropSchemaText from "../../sql/testing/drop_schema.sql" with { type: "text" };
import createTestClock from "../../sql/testing/migrations/0001_create_test_clock.sql" with { type: "text" };
import type { SqlBundle } from "../schema/lease-sql.ts";

/** What a test schema has beside the real one. It must come last: it replaces the clock. */
export const testingSql: SqlBundle = {
  name: "testing",
  migrations: [{ version: 1, name: "create_test_clock", text: createTestClock }],
  definitions: [clock, advanceClock, busyJobs],
};

export const dropSchema: string = dropSchemaText;
