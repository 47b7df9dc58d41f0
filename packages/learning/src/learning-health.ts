import {
  createDoctor,
  type DatabaseConnection,
  type DoctorRole,
  type Finding,
  type SqlBundle,
  WorkerError,
} from "@leasehold/core";

import { learningSql } from "./learning-sql.ts";
import { createLearningStore, type ProbeCheck } from "./learning-store.ts";

/** One thing that was looked at, by the doctor's measure: `warn` means that work goes on, for now. */
export interface HealthFinding {
  readonly check: string;
  readonly status: Finding["status"];
  /** What it is, where, and what to do. Our own words: no names of learners, no content, no secrets. */
  readonly message: string;
}

/** What `@leasehold/health-hono` and the runbook's operator are answered. */
export interface LearningHealthReport {
  readonly status: "healthy" | "degraded";
  /** The login that asked the database. `null` when it could not ask. */
  readonly currentRole: string | null;
  readonly checks: readonly ProbeCheck[];
}

export interface LearningHealthOptions {
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** Whether the login works, or only asks, as that of a web application does. Default: `worker`. */
  readonly role?: DoctorRole;
  /** What the models are like. Throws for nothing that it finds. Absent: nothing is said of models. */
  readonly models?: (signal: AbortSignal) => Promise<readonly HealthFinding[]>;
  /** What the host looks at beside all that. What it throws, or what comes too late, is not told. Default: nothing. */
  readonly others?: (signal: AbortSignal) => Promise<readonly HealthFinding[]>;
  /** SQL of the host's, this package's among it: versions and grants are looked at. Default: this package's. */
  readonly bundles?: readonly SqlBundle[];
  /** What the worker of this process is doing; all but `running` is a failure. Absent: none is here. */
  readonly workerState?: () => string;
  /** How long a job may be due, in seconds, before the queue counts as slow. Default: 900. */
  readonly lagSecondsMax?: number;
  /** How long database and models may take each; what is not answered by then has failed. Default: 3000. */
  readonly limitMs?: number;
}

/** Everything that is looked at, for the doctor and for health answers. */
export interface LearningHealth extends AsyncDisposable {
  /** For a command line: every finding, with what to do. Takes the time that it takes. */
  examine(signal: AbortSignal): Promise<readonly HealthFinding[]>;
  /** For HTTP: every check, within the limit. Never throws. */
  probe(signal: AbortSignal): Promise<LearningHealthReport>;
}

const limitMsDefault = 3_000;
/** Of the driver's deadline over ours: what the database says of itself is worth more than that it was late. */
const deadlineShare = 0.9;

/**
 * What the doctor warns of although work goes on, and an operator must hear of at once: nobody works, a resource is not
 * asked, or times cannot be trusted.
 */
const urgent: ReadonlySet<string> = new Set(["clock", "resources", "workers"]);

/** Opens what looks at a learning worker: its database, its queue, its models and itself. It keeps a few connections. */
export function createLearningHealth(options: LearningHealthOptions): LearningHealth {
  const { connection, schema, role, limitMs = limitMsDefault } = options;
  const deadlineMs = limitMs * deadlineShare;
  const own = { connection, deadlineMs, ...(schema === undefined ? {} : { schema }) };
  const store = createLearningStore(own);
  const doctor = createDoctor({
    ...own,
    bundles: options.bundles ?? [learningSql],
    ...(role === undefined ? {} : { role }),
  });

  const look = async (signal: AbortSignal, hints: boolean): Promise<Seen> => {
    const [login, rows, schemaFindings, others, models] = await Promise.all([
      store.currentLogin().then(({ login: name }) => name, toNull),
      store.probeHealth(options.lagSecondsMax).catch(explainDatabase),
      doctor.examine({ hints }),
      lookWithin(signal, options.others, () => []),
      lookWithin(signal, options.models, (isLate) => [isLate ? silentModel : oddModel]),
    ]);
    return { login, rows, findings: [...schemaFindings, ...others, ...models] };
  };

  return {
    async examine(signal) {
      const { rows, findings } = await look(signal, true);
      return [...rows.map(toFinding), ...findings];
    },
    async probe(signal) {
      const late = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
      return toReport(await look(late, false), options.workerState?.());
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([store.close(), doctor[Symbol.asyncDispose]()]);
    },
  };
}

interface Seen {
  readonly login: string | null;
  readonly rows: readonly ProbeCheck[];
  readonly findings: readonly HealthFinding[];
}

function toNull(): null {
  return null;
}

/** The runbook's operator looks for `db_role failed`; the code says whether to mend a server, a grant or a schema. */
function explainDatabase(error: unknown): readonly ProbeCheck[] {
  const detail = WorkerError.is(error) ? error.code : "probe_failed";
  return [{ check: "db_role", status: "failed", detail }];
}

const silentModel: HealthFinding = {
  check: "model",
  status: "fail",
  message: "The model server does not answer.",
};
const oddModel: HealthFinding = { ...silentModel, message: "The model could not be asked." };

type Look = NonNullable<LearningHealthOptions["models"]>;

/** What a look finds, or what is said of one that failed or came too late. A look may ignore its signal. */
async function lookWithin(
  signal: AbortSignal,
  look: Look | undefined,
  without: (isLate: boolean) => readonly HealthFinding[],
): Promise<readonly HealthFinding[]> {
  if (look === undefined) return [];
  const late = Promise.withResolvers<readonly HealthFinding[]>();
  const giveUp = (): void => late.resolve(without(true));
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([look(signal), late.promise]);
  } catch {
    return without(signal.aborted);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function toFinding({ check, status, detail }: ProbeCheck): HealthFinding {
  return { check, status: status === "ok" ? "ok" : "fail", message: detail ?? "Well." };
}

function toReport(
  { login, rows, findings }: Seen,
  state: string | undefined,
): LearningHealthReport {
  const lacksGrants = findings.some(({ check, status }) => check === "grants" && status === "fail");
  const checks = [
    // The runbook's operator looks for it first, whoever else may work.
    ...rows.map((row) =>
      row.check === "db_role" && row.status === "ok" && lacksGrants
        ? ({ ...row, status: "failed", detail: "see grants" } as const)
        : row,
    ),
    ...(state === undefined ? [] : [toWorkerCheck(state)]),
    ...joinByCheck(findings).map((finding) => {
      const shown = toCheck(finding);
      // What is well needs no words here.
      return finding.status === "ok" ? { ...shown, detail: null } : shown;
    }),
  ];
  const isHealthy = checks.every(({ status }) => status === "ok");
  return { status: isHealthy ? "healthy" : "degraded", currentRole: login, checks };
}

function toWorkerCheck(state: string): ProbeCheck {
  return { check: "worker", status: state === "running" ? "ok" : "failed", detail: state };
}

/** A warning that harms nobody yet is told, and nobody is woken for it. */
export function toCheck({ check, status, message }: HealthFinding): ProbeCheck {
  const isFailed = status === "fail" || (status === "warn" && urgent.has(check));
  return {
    check,
    status: isFailed ? "failed" : "ok",
    detail: message,
  };
}

const severity = { ok: 0, warn: 1, fail: 2 } as const;

/** Several models or hosts are one check: as ill as the worst of them, with the words of all that are as ill. */
function joinByCheck(findings: readonly HealthFinding[]): readonly HealthFinding[] {
  return [...Map.groupBy(findings, ({ check }) => check)].map(([check, same]) => {
    const worst = Math.max(...same.map(({ status }) => severity[status]));
    const worstOnes = same.filter(({ status }) => severity[status] === worst);
    const status = worstOnes[0]?.status ?? "ok";
    return { check, status, message: worstOnes.map(({ message }) => message).join(" ") };
  });
}
