/** Whose fault a model error is; the words are those of the leasing core. */
export type ModelErrorScope = "job" | "model" | "backend" | "config";

export type ModelErrorCode =
  | "aborted"
  | "backend_busy"
  | "backend_failed"
  | "backend_timeout"
  | "backend_unreachable"
  | "config_invalid"
  | "input_corrupt"
  | "input_too_large"
  | "input_unsupported"
  | "model_missing"
  | "model_unsuitable"
  | "output_invalid"
  | "output_runaway"
  | "output_truncated";

export interface ModelErrorOptions {
  readonly scope: ModelErrorScope;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** A finer code of the backend's adapter: `[a-z0-9_]{1,64}`. */
  readonly adapterCode?: string;
  /** Kept out of sight, since it may quote a learner: see {@link ModelError.causeOf}. */
  readonly cause?: unknown;
}

const causes = new WeakMap<object, unknown>();

/** An error of a model call. Its message is ours: it never quotes a prompt, an output or a backend. */
export class ModelError extends Error {
  readonly "~leasehold" = "model-error/v1";
  readonly code: ModelErrorCode;
  readonly scope: ModelErrorScope;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly adapterCode: string | undefined;

  constructor(code: ModelErrorCode, message: string, options: ModelErrorOptions) {
    super(message);
    this.name = "ModelError";
    this.code = code;
    this.scope = options.scope;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.adapterCode = options.adapterCode;
    // Whoever prints an error prints its `cause` too, so it is no property.
    if (options.cause !== undefined) causes.set(this, options.cause);
  }

  /** What was thrown below, for a debugger. Never log, store or send it. */
  static causeOf(error: ModelError): unknown {
    return causes.get(error);
  }

  /** Tells whether a value is a `ModelError`, also one from another installed copy of this package. */
  static is(value: unknown, code?: ModelErrorCode): value is ModelError {
    if (typeof value !== "object" || value === null) return false;
    const candidate = value as Partial<ModelError>;
    return (
      candidate["~leasehold"] === "model-error/v1" &&
      (code === undefined || candidate.code === code)
    );
  }
}

/** A picture as bytes. A model never takes a path or an address. */
export interface ModelImage {
  readonly mediaType: "image/png" | "image/jpeg";
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

export interface ModelMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
  readonly images?: readonly ModelImage[];
}

/** One call of a model. Data only; a model must not change it. */
export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  /** JSON Schema of the answer. Absent: prose. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** Upper bound of the answer, in tokens. */
  readonly outputTokensMax: number;
  /** Default: `0`. */
  readonly temperature?: number;
  readonly seed?: number;
}

/** How far a call is. The first one comes before the first byte. */
export interface ModelProgress {
  readonly stage: "queued" | "loading" | "prefill" | "decoding";
  readonly tokens?: number;
}

export interface ModelContext {
  /** Aborts the call and what the backend does for it. */
  readonly signal: AbortSignal;
  /** When the call must be over, in milliseconds on the clock of `performance.now()`; warm-up excluded. */
  readonly deadlineAt: number;
  progress(progress: ModelProgress): void;
}

/** What made an answer. Goes beside every result, so no content and no secret. */
export interface ModelProvenance {
  readonly adapter: string;
  readonly model: string;
  /** The model's content hash as the backend states it. */
  readonly digest?: string;
  /** The answer was made up by a stub: no model judged anything. */
  readonly synthetic?: true;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export interface ModelResponse {
  /** The whole answer, as said. With a `schema` it is JSON text, still to be checked by the caller. */
  readonly text: string;
  /** `length` means that the answer was cut: it must not be used. */
  readonly finish: "stop" | "length";
  /** Counted by the backend; absent where it does not count. */
  readonly usage: { readonly inputTokens?: number; readonly outputTokens?: number };
  readonly durationMs: number;
  readonly provenance: ModelProvenance;
}

export interface ModelCapabilities {
  readonly images: boolean;
  /** `grammar`: the schema is enforced while decoding. `prompt`: asked for in words. */
  readonly structuredOutput: "grammar" | "prompt" | "none";
  readonly deterministic: boolean;
  /** Nothing leaves the machine or its private network. */
  readonly local: boolean;
}

export interface ModelHealth {
  readonly status: "ok" | "failed";
  /** Our own words; no content, no secrets. */
  readonly detail?: string;
}

/** The seam under the AI phases. Contract version 1; most new backends are one of these. */
export interface ModelV1 {
  readonly specVersion: "v1";
  readonly name: string;
  readonly version: string;
  readonly capabilities: ModelCapabilities;
  /** What calls of this model compete for, such as `host/model`. */
  readonly resource: string;
  /** How many of its jobs the resource bears at once, over all workers. Default: any number. */
  readonly concurrency?: number;
  /** Loads the model, with a deadline of its own. Called before the first call of a phase. */
  prepare?(context: ModelContext): Promise<void>;
  /** Throws a {@link ModelError}; anything else counts as an unknown fault of the job. */
  generate(request: ModelRequest, context: ModelContext): Promise<ModelResponse>;
  probe?(signal: AbortSignal): Promise<ModelHealth>;
  /** Idempotent. */
  close?(): Promise<void>;
}
