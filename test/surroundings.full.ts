import { afterAll, expect, setDefaultTimeout, test } from "bun:test";

import type { EmbeddedPostgres } from "@leasehold/embedded-postgres";

import type { DebianProgram } from "./support/debian-program.ts";
import { mayBeMissing } from "./support/may-be-missing.ts";
import { isOldPostgresMissing, oldPostgresFolder } from "./support/old-postgres.ts";
import { listServerFiles, runCoreSuite } from "./support/surroundings/core-suite.ts";
import { exceptionsOf } from "./support/surroundings/exceptions.ts";
import { findPgBouncer, startPgBouncer } from "./support/surroundings/pgbouncer.ts";
import { startThrowawayPostgres } from "./support/throwaway-postgres.ts";

// The tests of core that use a server, once more in each surrounding that a host may have. Plain `bun test` runs them on
// the private PostgreSQL 18, in schemas of the ordinary login.

setDefaultTimeout(1_500_000);

const program: DebianProgram | undefined = await findPgBouncer();
const isPgBouncerMissing = mayBeMissing && program === undefined;
afterAll(() => program?.[Symbol.asyncDispose]());

/** Runs the suite, prints what came of it, and expects that nothing failed but what must. */
async function runIn(name: string, server: EmbeddedPostgres, surrounding: object): Promise<void> {
  const exceptions = exceptionsOf(name);
  const report = await runCoreSuite({ dataDir: server.dataDir, ...surrounding }, exceptions);

  const named = exceptions.map(
    ({ file, test: title, reason }) => `  not here: ${file}: ${title || "all of it"}: ${reason}`,
  );
  const figures =
    `${name}, PostgreSQL ${server.version}: ${report.ran} tests ran, ${report.passed} passed, ` +
    `${report.skipped} left out; ${exceptions.length} named exceptions`;
  const slowest = report.files
    .toSorted((one, other) => other.seconds - one.seconds)
    .slice(0, 5)
    .map((file) => `${file.name} ${file.seconds.toFixed(0)} s`);
  const lines = [figures, ...named, `  longest: ${slowest.join(", ")}`];
  process.stderr.write(`${lines.join("\n")}\n`);
  expect(report.failures).toEqual([]);
  expect(report.passed).toBeGreaterThan((await listServerFiles()).length);
}

test.skipIf(isPgBouncerMissing)(
  "the core suite holds behind PgBouncer in transaction mode" +
    (isPgBouncerMissing ? " (skipped: no pgbouncer, and apt-get fetched none)" : ""),
  async () => {
    if (program === undefined) throw new Error("CI must be able to fetch pgbouncer.");
    await using server = await startThrowawayPostgres();
    const serverFolder = decodeURIComponent(/@([^,]+),/.exec(server.url)?.[1] ?? "");
    await using pooler = await startPgBouncer(program, serverFolder);

    await runIn("pgbouncer", server, { poolerFolder: pooler.socketFolder });
  },
);

test("the core suite holds where transactions are serializable by default", async () => {
  await using server = await startThrowawayPostgres();

  await runIn("serializable", server, { isolation: "serializable" });
});

test("the core suite holds beside a second schema whose worker is busy", async () => {
  await using server = await startThrowawayPostgres();

  await runIn("second schema", server, { hasNeighbour: true });
});

test("the core suite holds with workers that may only execute functions", async () => {
  await using server = await startThrowawayPostgres();

  await runIn("roles", server, { hasRoles: true });
});

test.skipIf(isOldPostgresMissing)(
  "the core suite holds on PostgreSQL 15" +
    (isOldPostgresMissing ? ` (skipped: no ${oldPostgresFolder})` : ""),
  async () => {
    await using server = await startThrowawayPostgres({ binFolder: oldPostgresFolder });

    expect(server.version).toStartWith("15.");
    await runIn("postgres 15", server, {});
  },
);
