import { nameOf } from "./thrown.ts";

/** Whose fault an error is. Only `job` is charged to the job; the others wait until somebody mends them. */
export type WorkerErrorScope = "job" | "model" | "backend" | "config";

/**
 * What went wrong, in words that reach the database, metrics and runbooks. Codes are public API: added freely, renamed
 * never.
 */
export type WorkerErrorCode =
  | "adapter_unknown"
  | "aborted"
  | "backend_busy"
  | "backend_failed"
  | "backend_timeout"
  | "backend_unreachable"
  | "cancelled"
  | "config_invalid"
  | "database_unavailable"
  | "deadline_exceeded"
  | "effect_failed"
  | "expired"
  | "grant_missing"
  | "input_corrupt"
  | "input_crashes_model"
  | "input_invalid"
  | "input_too_large"
  | "input_unsupported"
  | "lease_lost"
  | "model_missing"
  | "model_unsuitable"
  | "not_found"
  | "output_invalid"
  | "output_runaway"
  | "output_truncated"
  | "payload_too_large"
  | "phase_waiting"
  | "schema_outdated"
  | "stalled"
  | "statement_failed"
  | "superseded"
  | "worker_lost"
  | "worker_stopping";

/** On whose order a job ended: somebody's, a newer job's with its unique key, or its own time to live's. */
export type CancelCode = Extract<WorkerErrorCode, "cancelled" | "superseded" | "expired">;

export interface WorkerErrorOptions {
  /** Default: `job`. */
  readonly scope?: WorkerErrorScope;
  /** Default: `false`. */
  readonly retryable?: boolean;
  /** How long the other side asked us to wait. */
  readonly retryAfterMs?: number;
  /** The adapter's own, finer code: `[a-z0-9_]{1,64}`. Anything else is dropped. */
  readonly adapterCode?: string;
  /** Kept out of sight, since it may quote a learner: see {@link WorkerError.causeOf}. */
  readonly cause?: unknown;
}

const causes = new WeakMap<object, unknown>();
const codePattern = /^[a-z0-9_]{1,64}$/;

/** Code points of a message that are kept; the rest is cut. */
export const messageCodePointsMax = 1024;

/**
 * Every operating error of Leasehold.
 *
 * The message is written by us and safe to store: it names the thing and the fix, and quotes nobody.
 */
export class WorkerError extends Error {
  readonly "~leasehold" = "worker-error/v1";
  readonly code: WorkerErrorCode;
  readonly scope: WorkerErrorScope;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly adapterCode: string | undefined;

  constructor(code: WorkerErrorCode, message: string, options: WorkerErrorOptions = {}) {
    super(cutMessage(message));
    this.name = "WorkerError";
    this.code = code;
    this.scope = options.scope ?? "job";
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.adapterCode =
      options.adapterCode !== undefined && codePattern.test(options.adapterCode)
        ? options.adapterCode
        : undefined;
    // Whoever prints an error prints its `cause` too, so it is no property.
    if (options.cause !== undefined) causes.set(this, options.cause);
  }

  /** What was thrown below, for a debugger. Never log, store or send it. */
  static causeOf(error: WorkerError): unknown {
    return causes.get(error);
  }

  /** Tells whether a value is a `WorkerError`, also one from another installed copy of core. */
  static is(value: unknown, code?: WorkerErrorCode): value is WorkerError {
    try {
      return isWorkerError(value) && (code === undefined || value.code === code);
    } catch {
      // What throws when it is looked at is none of ours.
      return false;
    }
  }
}

const scopes: ReadonlySet<unknown> = new Set<WorkerErrorScope>([
  "job",
  "model",
  "backend",
  "config",
]);

/** The brand says where an error comes from, which anybody may claim: what we act upon and store is looked at, too. */
function isWorkerError(value: unknown): value is WorkerError {
  if (typeof value !== "object" || value === null) return false;
  const error: Partial<Record<keyof WorkerError, unknown>> = value;
  const { code, retryAfterMs, adapterCode } = error;
  return (
    error["~leasehold"] === "worker-error/v1" &&
    typeof code === "string" &&
    codePattern.test(code) &&
    typeof error.message === "string" &&
    scopes.has(error.scope) &&
    typeof error.retryable === "boolean" &&
    (retryAfterMs === undefined || typeof retryAfterMs === "number") &&
    (adapterCode === undefined || typeof adapterCode === "string")
  );
}

/** Turns anything thrown by an adapter or a `run` function into a `WorkerError`, without quoting it. */
export function toWorkerError(thrown: unknown): WorkerError {
  if (WorkerError.is(thrown)) return thrown;
  return new WorkerError("adapter_unknown", `The adapter threw ${nameOf(thrown)}.`, {
    retryable: true,
    cause: thrown,
  });
}

/** Cuts to {@link messageCodePointsMax} code points, never inside a surrogate pair. */
export function cutMessage(message: string): string {
  if (message.length <= messageCodePointsMax) return message;
  return Array.from(message).slice(0, messageCodePointsMax).join("");
}
