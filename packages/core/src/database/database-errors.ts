import { WorkerError } from "../errors.ts";

const transientStates = new Set([
  "40001",
  "40P01",
  "55P03",
  "57014",
  "57P01",
  "57P02",
  "57P03",
  "25006",
]);
/** A statement that was prepared is not there, or is there although it was not. */
const preparedStates = new Set(["26000", "42P05"]);
const transientClasses = new Set(["08", "53", "58"]);
/** Of the driver, such as CONNECTION_CLOSED and CONNECT_TIMEOUT; and of the system, such as ECONNRESET and EHOSTUNREACH. */
const connectionCode = /^(?:CONNECT\w*|E(?!RR_)[A-Z_]+)$/;

/**
 * Wraps an error of the driver, once, at this seam.
 *
 * Its message, detail and context may quote a learner; only the SQLSTATE goes on.
 */
export function toDatabaseError(error: unknown, operation: string): WorkerError {
  if (WorkerError.is(error)) return error;
  const code = stateOf(error);
  if (code === undefined || connectionCode.test(code)) {
    const what = `could not be reached for ${operation} (${code ?? "no code"})`;
    return databaseUnavailable(what, { cause: error });
  }
  const adapterCode = `sqlstate_${code.toLowerCase()}`;
  if (transientStates.has(code) || transientClasses.has(code.slice(0, 2))) {
    const what = `refused ${operation} for now (SQLSTATE ${code})`;
    return databaseUnavailable(what, { cause: error, adapterCode });
  }
  const fixed = { scope: "config", cause: error, adapterCode } as const;
  if (preparedStates.has(code)) {
    const message = `Something between us and Postgres lends connections (SQLSTATE ${code}): say \`pooled: true\`, or \`?pgbouncer=true\` in the URL.`;
    return new WorkerError("config_invalid", message, fixed);
  }
  if (code === "42501" || code === "28000" || code === "28P01") {
    const message = `The database login may not call ${operation} (SQLSTATE ${code}): grant it, see migrate --roles.`;
    return new WorkerError("grant_missing", message, fixed);
  }
  if (["42883", "3F000", "42P01", "3D000"].includes(code)) {
    const message = `The schema does not know ${operation} (SQLSTATE ${code}): run migrate.`;
    return new WorkerError("schema_outdated", message, fixed);
  }
  return new WorkerError(
    isTooLarge(error) ? "payload_too_large" : "statement_failed",
    `Postgres refused ${operation} (SQLSTATE ${code}).`,
    { cause: error, adapterCode },
  );
}

/** The name of a constraint of ours, as `postgres` or as `pg` and Bun tell it. */
function isTooLarge(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const name =
    ("constraint_name" in error && error.constraint_name) ||
    ("constraint" in error && error.constraint);
  return name === "payload_too_large";
}

/** What says that Postgres cannot be asked now. */
export function databaseUnavailable(
  what: string,
  details: { readonly cause: unknown; readonly adapterCode?: string },
): WorkerError {
  return new WorkerError("database_unavailable", `Postgres ${what}.`, {
    scope: "backend",
    retryable: true,
    ...details,
  });
}

/** Whether it was the connection that failed, and not a statement on it. */
export function isBroken(error: unknown): boolean {
  if (WorkerError.is(error)) return error.code === "database_unavailable";
  const code = stateOf(error) ?? "";
  return connectionCode.test(code) || /^(?:08|57P)/.test(code);
}

/** A statement that raised an error with such a code, and whose connection goes on. */
export function isOnlyRefused(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "severity" in error && error.severity === "ERROR"
  );
}

/** The SQLSTATE, or the driver's or the system's own code. */
export function stateOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  // Bun's own driver has the SQLSTATE there, and one code for all of them.
  if ("errno" in error && typeof error.errno === "string") return error.errno;
  return typeof error.code === "string" ? error.code : undefined;
}
