import type { DatabaseConnection } from "../database/database.ts";
import { toWorkerError, type WorkerErrorCode } from "../errors.ts";
import { coreSql, type SqlBundle } from "../schema/lease-sql.ts";
import { defaultSchema } from "../schema/migrate.ts";
import { type Finding, judge } from "./doctor-checks.ts";
import { type DoctorStore, openDoctorStore } from "./doctor-store.ts";

export interface DoctorOptions {
  /** As the worker connects: what its login may not see or do is part of the answer. */
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** SQL of other packages, whose versions and grants are looked at too. Default: none. */
  readonly bundles?: readonly SqlBundle[];
  /** What the login must be allowed: to work, or only to ask, as a web application does. Default: `worker`. */
  readonly role?: DoctorRole;
  /** Transactions may be as old as this, in seconds; a failure is fifteen times as much. Default: 60. */
  readonly snapshotSecondsMax?: number;
  /** How long one question may take. Default: 5000. */
  readonly deadlineMs?: number;
}

export type DoctorRole = "worker" | "limited";

/** Looks again and again, and keeps one connection for that. */
export interface Doctor extends AsyncDisposable {
  /** What there is to find. Never throws: a database that cannot be reached is a finding. */
  examine(options?: ExamineOptions): Promise<readonly Finding[]>;
}

export interface ExamineOptions {
  /** Whether it is tried that a hint arrives, for up to 2 s. Otherwise nothing is said of hints. Default: `false`. */
  readonly hints?: boolean;
}

/** A hint that has not come by then does not come. */
const hintMs = 2_000;
const deadlineMsDefault = 5_000;

/**
 * Looks for what keeps a queue from working well, and says what to do. It changes nothing.
 *
 * It never throws for what it finds: a database that cannot be reached is a finding. No secret is in a message.
 */
export async function doctor(options: DoctorOptions): Promise<readonly Finding[]> {
  await using open = createDoctor(options);
  return await open.examine({ hints: true });
}

/** The same for whoever asks again and again, as a health check does. */
export function createDoctor(options: DoctorOptions): Doctor {
  const { connection, schema = defaultSchema, deadlineMs = deadlineMsDefault } = options;
  const store = openDoctorStore(connection, schema, deadlineMs);
  return {
    async examine({ hints = false } = {}) {
      try {
        return await examine(store, options, hints);
      } catch (error) {
        const { code, message } = toWorkerError(error);
        return [{ check: checkOf(code), status: "fail", message }];
      }
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function examine(
  store: DoctorStore,
  { bundles = [], role = "worker", snapshotSecondsMax = 60 }: DoctorOptions,
  hints: boolean,
): Promise<readonly Finding[]> {
  const all = [coreSql, ...bundles];
  const wasHinted = hints ? await listenIfPossible(store) : undefined;
  const askedAt = Date.now();
  const server = await store.readServer();
  const answeredAt = Date.now();
  const facts = {
    server,
    schema: await store.readSchema(all.flatMap((bundle) => listGranted(bundle, role))),
    needed: Object.fromEntries(all.map(({ name, migrations }) => [name, migrations.length])),
    skew: {
      ms: server.now_ms - (askedAt + answeredAt) / 2,
      plusMinusMs: (answeredAt - askedAt) / 2,
    },
    isHinted: await wasHinted?.(hintMs),
    snapshotSecondsMax,
  };
  const reached: Finding = { check: "database", status: "ok", message: "The database answers." };
  return [reached, ...judge(facts)];
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

/** What a login may call is what its role was granted; a worker's role has all that the limited one has. */
function listGranted({ grants = "" }: SqlBundle, role: DoctorRole): readonly string[] {
  const granted = [
    ...grants.matchAll(/^grant execute on function\s+([^;]*?)\s+to :"(limited|worker)"/gm),
  ];
  return granted.flatMap(([, functions = "", to]) =>
    role === "worker" || to === role
      ? [...functions.matchAll(/:"schema"\.(\w+)/g)].map(([, name = ""]) => name)
      : [],
  );
}
