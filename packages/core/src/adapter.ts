import { WorkerError } from "./errors.ts";
import type { Json } from "./json.ts";

/** A piece of a phase that was saved before, or is saved now: page 7 of 12. */
export interface SavedPart {
  /** From 1. */
  readonly part: number;
  readonly output: Json;
}

/** Says where a result comes from: adapter, model, digest, options, program version. Never content. */
export type Provenance = Readonly<Record<string, Json>>;

/** What an adapter is asked to do. Data only; an adapter must not change it. */
export interface PhaseRequest<Input = unknown> {
  readonly type: string;
  readonly phase: string;
  /** The parsed payload of the job. */
  readonly input: Input;
  /** What earlier phases returned, by phase name. */
  readonly results: Readonly<Record<string, Json>>;
  /** What earlier attempts of this phase saved, by part number. */
  readonly parts: readonly SavedPart[];
}

/** What a phase returned. The worker checks `output` against the phase's schema and stores both. */
export interface PhaseResult {
  readonly output: unknown;
  readonly provenance: Provenance;
}

/** The stages that everybody knows. In the first three a phase waits for its backend, see `stallSeconds`. */
export type KnownStage = "queued" | "loading" | "prefill" | "preparing" | "decoding" | "saving";

/** How far a phase is. Numbers and our own words only: whatever else is passed is dropped. */
export interface PhaseProgress {
  /** What it is at: `[a-z0-9_]{1,64}`, a word of the program and never content. */
  readonly stage?: KnownStage | (string & {});
  readonly partsDone?: number;
  readonly partsTotal?: number;
  readonly tokens?: number;
  /** How much is done, from 0 to 1. */
  readonly fraction?: number;
}

/** Writes ids, codes and counts. A value that is a learner's text must not be passed. */
export interface PhaseLogger {
  info(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  warn(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
}

/** The only way in for an adapter. It never sees the database or the lease token. */
export interface AdapterContext {
  readonly jobId: string;
  readonly phase: string;
  /** From 1, counted per phase before the phase starts. */
  readonly attempt: number;
  /**
   * Aborts when the job is cancelled, its lease is lost, the phase stalls or passes its deadline, or the worker stops.
   * The reason is a `WorkerError` with the code that says which. Nothing may be written after.
   */
  readonly signal: AbortSignal;
  /** When this phase is aborted, in milliseconds on the clock of `performance.now()`. */
  readonly deadlineAt: number;
  /** The W3C `traceparent` that the job was enqueued with: whose trace this work belongs to. */
  readonly trace?: string;
  readonly logger: PhaseLogger;
  /**
   * Tells that the phase is alive, and how far it is. The first call comes before the first byte of a model. As cheap as
   * it looks: the latest word is stored with the next renewal of the lease, and shown by `getJob`.
   */
  progress(progress: PhaseProgress): void;
  /** Stores a part under the lease, so that no later attempt does it again. Throws the signal's reason. */
  savePart(part: number, output: Json, provenance: Provenance): Promise<void>;
}

/** What an adapter promises. The kit tests both answers of each capability. */
export interface AdapterCapabilities {
  /** The phases it executes. */
  readonly phases: readonly string[];
  /** The same request gives the same output. Default: `false`. */
  readonly deterministic?: boolean;
  /** Nothing leaves the machine or its private network. Default: `false`. */
  readonly local?: boolean;
}

/** How an adapter is, by its own judgement. */
export interface AdapterHealth {
  readonly status: "ok" | "failed";
  /** Our own words; no names of learners, no content, no secrets. */
  readonly detail?: string;
}

/** Executes phases of a pipeline. Contract version 1; see `docs/writing-an-adapter.md`. */
export interface AdapterV1 {
  readonly specVersion: "v1";
  readonly name: string;
  readonly version: string;
  readonly capabilities: AdapterCapabilities;
  /** The resource a phase needs, such as `host/model`. Phases with the same resource follow each other gladly. */
  resource(phase: string): string;
  /**
   * How many jobs the resource of a phase bears at once, over all workers: 1 for most models on a machine of your own.
   * An operator may say otherwise. Default: any number.
   */
  concurrency?(phase: string): number | undefined;
  execute(request: PhaseRequest, context: AdapterContext): Promise<PhaseResult>;
  probe?(signal: AbortSignal): Promise<AdapterHealth>;
  /** Idempotent. */
  close?(): Promise<void>;
}

/** Checks an adapter once, at definition, and freezes it. */
export function defineAdapter(adapter: AdapterV1): AdapterV1 {
  const problems: string[] = [];
  if (adapter.specVersion !== "v1") {
    problems.push(`specVersion must be "v1", got ${JSON.stringify(adapter.specVersion)}`);
  }
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(adapter.name)) {
    problems.push(`name must match [a-z0-9][a-z0-9_-]*, got ${JSON.stringify(adapter.name)}`);
  }
  if (adapter.version === "") problems.push("version must not be empty");
  if (adapter.capabilities.phases.length === 0) {
    problems.push("capabilities.phases must name at least one phase");
  }
  if (problems.length > 0) {
    throw new WorkerError("config_invalid", `Adapter refused: ${problems.join("; ")}.`, {
      scope: "config",
    });
  }
  return Object.freeze(adapter);
}
