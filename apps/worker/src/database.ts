import { migrate, type SqlBundle, WorkerError } from "@leasehold/core";
import { cronSql } from "@leasehold/cron";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import { createLearningStore, learningSql, type LearningStore } from "@leasehold/learning";

import type { WorkerConfig } from "./config.ts";

/** SQL that this application brings beside core's. */
export const bundles: readonly SqlBundle[] = [learningSql, cronSql];

/** A database that can be worked on. */
export interface OpenDatabase extends AsyncDisposable {
  readonly url: string;
  /** For people: which database this is, without its address. */
  readonly description: string;
  /** Set when it is ours. */
  readonly embedded: EmbeddedPostgres | undefined;
}

/** Finds the database of a configuration, starting the embedded one when none is named. */
export async function openDatabase(config: WorkerConfig): Promise<OpenDatabase> {
  if (config.databaseUrl !== undefined) {
    return {
      url: config.databaseUrl,
      description: "your Postgres",
      embedded: undefined,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir });
  return {
    url: embedded.url,
    description: `embedded Postgres ${embedded.version} (${embedded.found}) in ${embedded.dataDir}`,
    embedded,
    [Symbol.asyncDispose]: () => embedded.stop(),
  };
}

/** Migrates when the configuration says so; otherwise the schema's version is checked when the worker starts. */
export async function prepareDatabase(
  config: WorkerConfig,
  url: string,
): Promise<readonly string[]> {
  if (!config.migrates) return [];
  const { applied } = await migrate({ connection: url, schema: config.schema, bundles });
  return applied;
}

/** Opens the learning functions of a database that is ready, for a login that cannot do everything. */
export async function openLearningStore(config: WorkerConfig, url: string): Promise<LearningStore> {
  const store = createLearningStore({ connection: url, schema: config.schema });
  try {
    await prepareDatabase(config, url);
    await refuseSuperuser(store);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A worker that reads strangers' files must not be able to do everything. */
export async function refuseSuperuser(store: LearningStore): Promise<void> {
  const { login, isSuperuser } = await store.currentLogin();
  if (!isSuperuser) return;
  throw new WorkerError(
    "config_invalid",
    `The login ${login} is a superuser: the worker needs an ordinary one, such as gustav_worker.`,
    { scope: "config" },
  );
}
