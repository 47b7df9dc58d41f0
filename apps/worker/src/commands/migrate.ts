import { migrate, migrateRoles, printMigrations } from "@leasehold/core";

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
    process.stdout.write(printMigrations({ schema, bundles }));
    return;
  }
  await using database = await openDatabase(config);
  // Only an administrator may make roles; of the embedded Postgres that is us.
  const adminUrl = database.embedded?.databaseUrl("leasehold", "postgres");
  const connection = config.adminDatabaseUrl ?? database.url;
  const { applied } = await migrate({ connection, schema, bundles });
  console.log(applied.length === 0 ? "Nothing to apply." : `Applied: ${applied.join(", ")}.`);
  if (!options.roles) return;
  await migrateRoles({
    connection: config.adminDatabaseUrl ?? adminUrl ?? database.url,
    schema,
    bundles,
    ...roleNames,
  });
  console.log(
    `Roles ${Object.values(roleNames).join(", ")} are there. Give ${roleNames.worker} a password out of band.`,
  );
}
