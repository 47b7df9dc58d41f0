import type { DatabaseConnection } from "./database.ts";
import { type Finding, judge } from "./doctor-checks.ts";
import { type DoctorStore, openDoctorStore } from "./doctor-store.ts";
import { toWorkerError, type WorkerErrorCode } from "./errors.ts";
import { coreSql, type SqlBundle } from "./lease-sql.ts";
import { defaultSchema } from "./migrate.ts";

export interface DoctorOptions {
  /** As the worker connects: what its login may not see or do is part of the answer. */
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** SQL of other packages, whose versions are compared too. Default: none. */
  readonly bundles?: readonly SqlBundle[];
  /** Transactions may be as old as this, in seconds; a failure is fifteen times as much. Default: 60. */
  readonly snapshotSecondsMax?: number;
}

/** A hint that has not come by then does not come. */
const hintMs = 2_000;

/**
 * Looks for what keeps a queue from working well, and says what to do. It changes nothing.
 *
 * It never throws for what it finds: a database that cannot be reached is a finding. No secret is in a message.
 */
export async function doctor(options: DoctorOptions): Promise<readonly Finding[]> {
  const { connection, schema = defaultSchema, bundles = [], snapshotSecondsMax = 60 } = options;
  await using store = openDoctorStore(connection, schema);
  try {
    const wasHinted = await listenIfPossible(store);
    const askedAt = Date.now();
    const server = await store.readServer();
    const answeredAt = Date.now();
    const facts = {
      server,
      schema: await store.readSchema(listWorkersFunctions(coreSql)),
      needed: Object.fromEntries(
        [coreSql, ...bundles].map(({ name, migrations }) => [name, migrations.length]),
      ),
      skew: {
        ms: server.now_ms - (askedAt + answeredAt) / 2,
        plusMinusMs: (answeredAt - askedAt) / 2,
      },
      isHinted: await wasHinted(hintMs),
      snapshotSecondsMax,
    };
    const reached: Finding = { check: "database", status: "ok", message: "The database answers." };
    return [reached, ...judge(facts)];
  } catch (error) {
    const { code, message } = toWorkerError(error);
    return [{ check: checkOf(code), status: "fail", message }];
  }
}

/** Hints only save time: that they do not come is a finding like another. */
async function listenIfPossible(
  store: DoctorStore,
): Promise<(withinMs: number) => Promise<boolean>> {
  try {
    return await store.listen();
  } catch {
    return () => Promise.resolve(false);
  }
}

function checkOf(code: WorkerErrorCode): Finding["check"] {
  if (code === "grant_missing") return "grants";
  return code === "schema_outdated" ? "schema" : "database";
}

/** What a worker may call is what it was granted. */
function listWorkersFunctions({ grants = "" }: SqlBundle): readonly string[] {
  const granted = [...grants.matchAll(/^grant execute on function\s+([^;]*?)\s+to /gm)];
  return granted.flatMap(([, functions = ""]) =>
    [...functions.matchAll(/\.(\w+)/g)].map(([, name = ""]) => name),
  );
}
