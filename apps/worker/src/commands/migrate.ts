import { migrate, migrateRoles, printMigrations, toDriverUrl } from "@leasehold/core";
import postgres from "postgres";

import type { WorkerConfig } from "../config.ts";
import { bundles, openDatabase } from "../database.ts";

export interface MigrateOptions {
  readonly prints: boolean;
  readonly roles: boolean;
}

/** The runbook's names for the roles. */
const roleNames = {
  owner: "leasehold_owner",
  worker: "gustav_worker",
  limited: "gustav_limited",
} as const;

/** Brings the database to this version, or prints how. */
export async function migrateDatabase(
  config: WorkerConfig,
  options: MigrateOptions,
): Promise<void> {
  const { schema } = config;
  if (options.prints) {
    // The console writes all of it before it returns, also to a slow reader: we exit right after.
    console.log(printMigrations({ schema, bundles }).trimEnd());
    return;
  }
  // Only an administrator may make roles; of the embedded Postgres that is us.
  await using database = await openDatabase({
    ...config,
    databaseUrl: config.adminDatabaseUrl ?? config.databaseUrl,
  });
  const { applied } = await migrate({ connection: database.url, schema, bundles });
  console.log(applied.length === 0 ? "Nothing to apply." : `Applied: ${applied.join(", ")}.`);
  if (!options.roles) return;
  const adminUrl = database.embedded?.databaseUrl("leasehold", "postgres");
  await migrateRoles({ connection: adminUrl ?? database.url, schema, bundles, ...roleNames });
  if (adminUrl !== undefined) await keepOrdinaryLogin(adminUrl);
  console.log(
    `Roles ${Object.values(roleNames).join(", ")} are there. Give ${roleNames.worker} a password out of band.`,
  );
}

/** Everybody goes on using the embedded Postgres by its one login, which has just given away all that it owned. */
async function keepOrdinaryLogin(adminUrl: string): Promise<void> {
  const sql = postgres(toDriverUrl(adminUrl), { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(`grant ${roleNames.owner}, ${roleNames.worker} to leasehold`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
