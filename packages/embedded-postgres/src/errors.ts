/** What went wrong. Codes are public API: added freely, renamed never. */
export type EmbeddedPostgresErrorCode =
  | "option_invalid"
  | "platform_unsupported"
  | "binaries_missing"
  | "temp_folder_unsafe"
  | "data_folder_unusable"
  | "data_folder_foreign"
  | "cluster_version"
  | "cluster_not_created"
  | "durability_mismatch"
  | "server_foreign"
  | "start_failed"
  | "start_timeout"
  | "stop_failed"
  | "database_exists"
  | "statement_failed"
  | "system_call_failed";

/**
 * Every operating error of this package.
 *
 * The message names folders, versions and PostgreSQL's own words about its start; it never quotes a row or a statement.
 */
export class EmbeddedPostgresError extends Error {
  readonly "~leasehold" = "embedded-postgres-error/v1";
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "EmbeddedPostgresError";
    this.code = code;
  }

  /** Tells whether a value is an `EmbeddedPostgresError`, also one from another installed copy of this package. */
  static is(value: unknown, code?: EmbeddedPostgresErrorCode): value is EmbeddedPostgresError {
    if (typeof value !== "object" || value === null) return false;
    const candidate = value as Partial<EmbeddedPostgresError>;
    return (
      candidate["~leasehold"] === "embedded-postgres-error/v1" &&
      (code === undefined || candidate.code === code)
    );
  }
}

/** Wraps what the operating system refused. Anything else passes: our own errors, and the reasons of callers. */
export function wrapSystemError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !("syscall" in thrown)) return thrown;
  return new EmbeddedPostgresError("system_call_failed", thrown.message, thrown);
}

/** The `code` of a system or database error, if it has one. */
export function errorCode(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
