import { z } from "zod";

import type { Routine } from "../database/database.ts";
import { defineRoutine } from "./lease-routines.ts";
import type { PruneAnswer } from "./upkeep.ts";

/** What is paused: a queue, a tenant, a resource, or a type, of which a version or a phase alone may be meant. */
export type PauseScope =
  | { readonly queue: string }
  | { readonly type: string; readonly version?: number; readonly phase?: string }
  | { readonly tenant: string }
  | { readonly resource: string };

export interface PauseRecord {
  /** As `resume` takes it. */
  readonly scope: PauseScope;
  readonly reason: string | undefined;
  /** The login of who paused it. */
  readonly pausedBy: string;
  readonly pausedAt: Date;
}

/** A worker, as it said last. */
export interface WorkerRecord {
  readonly id: string;
  readonly name: string;
  /** `silent`: it has not been seen for three of its intervals, and did not say that it stopped. */
  readonly state: "live" | "silent" | "stopped";
  readonly version: string;
  /** What it runs, as `type/version`. */
  readonly types: readonly string[];
  readonly slots: number;
  readonly inFlight: number;
  /** Adapters that did not obey their abort signal, since the start. */
  readonly abandoned: number;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly stoppedAt: Date | undefined;
}

/** What was erased. */
export interface RedactAnswer {
  /** None at the second call. */
  readonly jobs: number;
  /** Those of them that waited or ran. */
  readonly cancelled: number;
  /** Results and saved parts. */
  readonly results: number;
}

interface OperatingRoutines {
  readonly pause: Routine<"ok" | "already">;
  readonly resume: Routine<"ok" | "not_paused">;
  readonly getPauses: Routine<PauseRecord>;
  readonly noteWorker: Routine<"ok">;
  readonly getWorkers: Routine<WorkerRecord>;
  readonly pruneJobs: Routine<PruneAnswer>;
  readonly redactSubject: Routine<RedactAnswer>;
}

const optionalText = z
  .string()
  .nullable()
  .transform((value) => value ?? undefined);

function toScope(
  kind: "queue" | "type" | "tenant" | "resource",
  name: string,
  { version, phase }: { readonly version: number | null; readonly phase: string | null },
): PauseScope {
  if (kind === "queue") return { queue: name };
  if (kind === "tenant") return { tenant: name };
  if (kind === "resource") return { resource: name };
  return {
    type: name,
    ...(version === null ? {} : { version }),
    ...(phase === null ? {} : { phase }),
  };
}

const pauseRow: z.ZodType<PauseRecord> = z
  .tuple([
    z.enum(["queue", "type", "tenant", "resource"]),
    z.string(),
    z.int().nullable(),
    z.string().nullable(),
    optionalText,
    z.string(),
    z.date(),
  ])
  .transform(([kind, name, version, phase, reason, pausedBy, pausedAt]) => ({
    scope: toScope(kind, name, { version, phase }),
    reason,
    pausedBy,
    pausedAt,
  }));

const workerRow: z.ZodType<WorkerRecord> = z
  .tuple([
    z.string(),
    z.string(),
    z.enum(["live", "silent", "stopped"]),
    z.string(),
    z.array(z.string()),
    z.int(),
    z.int(),
    z.int(),
    z.date(),
    z.date(),
    z
      .date()
      .nullable()
      .transform((value) => value ?? undefined),
  ])
  .transform(([id, name, state, version, types, slots, inFlight, abandoned, ...times]) => ({
    id,
    name,
    state,
    version,
    types,
    slots,
    inFlight,
    abandoned,
    startedAt: times[0],
    seenAt: times[1],
    stoppedAt: times[2],
  }));

const pruneRow: z.ZodType<PruneAnswer> = z
  .tuple([z.int(), z.int(), z.int(), z.int(), z.boolean()])
  .transform(([completed, failed, dead, cancelled, more]) => ({
    completed,
    failed,
    dead,
    cancelled,
    more,
  }));

/** The functions that operators, and workers for them, call. */
export const operatingRoutines: OperatingRoutines = {
  pause: defineRoutine(
    "pause",
    ["text", "text", "text", "smallint", "text"],
    z.tuple([z.enum(["ok", "already"])]).transform(([answer]) => answer),
  ),
  resume: defineRoutine(
    "resume",
    ["text", "text", "smallint", "text"],
    z.tuple([z.enum(["ok", "not_paused"])]).transform(([answer]) => answer),
  ),
  getPauses: defineRoutine("get_pauses", [], pauseRow),
  noteWorker: defineRoutine(
    "note_worker",
    ["uuid", "text::jsonb", "integer", "integer", "boolean"],
    z.tuple([z.literal("ok")]).transform(([answer]) => answer),
  ),
  getWorkers: defineRoutine("get_workers", [], workerRow),
  pruneJobs: defineRoutine("prune_jobs", ["bigint", "bigint", "bigint", "bigint"], pruneRow),
  redactSubject: defineRoutine(
    "redact_subject",
    ["text"],
    z
      .tuple([z.int(), z.int(), z.int()])
      .transform(([jobs, cancelled, results]) => ({ jobs, cancelled, results })),
  ),
};
