import { migrate, migrateRoles, printMigrations, toDriverUrl } from "@leasehold/core";
import type { Command } from "commander";
import postgres from "postgres";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { bundles, type OpenDatabase, openDatabase } from "../database.ts";

interface MigrateFlags extends AnswerFlags {
  readonly print?: true;
  readonly roles?: true;
}

export function addMigrate(program: Command): void {
  program
    .command("migrate")
    .description("bring the database to this version; workers may go on meanwhile")
    .option("--print", "print the SQL instead")
    .option("--roles", "make the worker's roles, as an administrator")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["migrate", "as the login that owns the schema"],
        ["migrate --roles", "as LEASEHOLD_ADMIN_DATABASE_URL; again after every upgrade"],
      ),
    )
    .action((flags: MigrateFlags) => execute((config) => migrateDatabase(config, flags)));
}

/** The runbook's names for the roles. */
const roleNames = {
  owner: "leasehold_owner",
  worker: "gustav_worker",
  limited: "gustav_limited",
} as const;

/** Brings the database to this version, or prints how. */
async function migrateDatabase(config: WorkerConfig, flags: MigrateFlags): Promise<void> {
  const { schema } = config;
  if (flags.print === true) {
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
  const answer = createAnswer(flags);
  answer.say(applied.length === 0 ? "Nothing to apply." : `Applied: ${applied.join(", ")}.`);
  const roles = flags.roles === true ? Object.values(roleNames) : [];
  if (flags.roles === true) await makeRoles(database, config);
  answer.thing(
    { applied, roles },
    flags.roles === true
      ? [`Roles ${roles.join(", ")} are there. Give ${roleNames.worker} a password out of band.`]
      : [],
  );
}

async function makeRoles(database: OpenDatabase, { schema }: WorkerConfig): Promise<void> {
  const adminUrl = database.embedded?.databaseUrl("leasehold", "postgres");
  await migrateRoles({ connection: adminUrl ?? database.url, schema, bundles, ...roleNames });
  if (adminUrl !== undefined) await keepOrdinaryLogin(adminUrl);
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
