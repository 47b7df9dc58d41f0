import { z } from "zod";

import type { Routine } from "./database.ts";
import { defineRoutine } from "./lease-routines.ts";

/** What is paused: a queue, or a type, of which a version or a phase alone may be meant. */
export type PauseScope =
  | { readonly queue: string }
  | { readonly type: string; readonly version?: number; readonly phase?: string };

export interface PauseRecord {
  /** As `resume` takes it. */
  readonly scope: PauseScope;
  readonly reason: string | undefined;
  /** The login of who paused it. */
  readonly pausedBy: string;
  readonly pausedAt: Date;
}

interface OperatingRoutines {
  readonly pause: Routine<"ok" | "already">;
  readonly resume: Routine<"ok" | "not_paused">;
  readonly getPauses: Routine<PauseRecord>;
}

const optionalText = z
  .string()
  .nullable()
  .transform((value) => value ?? undefined);

const pauseRow: z.ZodType<PauseRecord> = z
  .tuple([
    z.enum(["queue", "type"]),
    z.string(),
    z.int().nullable(),
    z.string().nullable(),
    optionalText,
    z.string(),
    z.date(),
  ])
  .transform(([kind, name, version, phase, reason, pausedBy, pausedAt]) => ({
    scope:
      kind === "queue"
        ? { queue: name }
        : {
            type: name,
            ...(version === null ? {} : { version }),
            ...(phase === null ? {} : { phase }),
          },
    reason,
    pausedBy,
    pausedAt,
  }));

/** The functions that operators call. */
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
};
