import { z } from "zod";

import type { Routine } from "../database/database.ts";
import { defineRoutine } from "../store/lease-routines.ts";

/** What a doctor knows of the schema. */
export interface SchemaFacts {
  readonly versions: Readonly<Record<string, number>>;
  /** Functions that are not there, or that the login may not call. */
  readonly missing: readonly string[];
  /** Tables whose rows a policy hides from the owner of the functions. */
  readonly hidden: readonly string[];
  /** How far the clock is behind what it has shown. */
  readonly clock_back_ms: number | null;
  readonly tables: readonly {
    readonly name: string;
    readonly live: number;
    readonly dead: number;
    readonly is_vacuumed: boolean;
  }[];
  readonly claims_by_index: boolean;
  readonly paused: readonly string[];
  /** Resources that nobody may use for now. */
  readonly away: readonly string[];
  readonly workers: { readonly live: number; readonly silent: readonly string[] };
}

/** What a doctor knows of the server, as far as the login may see it. */
export interface ServerFacts {
  readonly now_ms: number;
  readonly login: string;
  readonly is_superuser: boolean;
  readonly sees_sessions: boolean;
  readonly is_read_only: boolean;
  readonly settings: Readonly<Record<string, string>>;
  /** Without `max` there is no limit. */
  readonly connections: readonly {
    readonly of: string;
    readonly used: number;
    readonly max: number | null;
  }[];
  readonly snapshot: {
    readonly pid: number;
    readonly name: string | null;
    readonly state: string | null;
    readonly seconds: number;
  } | null;
  readonly prepared: readonly { readonly name: string; readonly seconds: number }[];
  readonly slots: readonly {
    readonly name: string;
    readonly is_active: boolean;
    readonly keeps: string;
  }[];
}

const schemaFacts: z.ZodType<SchemaFacts> = z.object({
  versions: z.record(z.string(), z.int()),
  missing: z.array(z.string()),
  hidden: z.array(z.string()),
  clock_back_ms: z.number().nullable(),
  tables: z.array(
    z.object({ name: z.string(), live: z.number(), dead: z.number(), is_vacuumed: z.boolean() }),
  ),
  claims_by_index: z.boolean(),
  paused: z.array(z.string()),
  away: z.array(z.string()),
  workers: z.object({ live: z.number(), silent: z.array(z.string()) }),
});

const serverFacts: z.ZodType<ServerFacts> = z.object({
  now_ms: z.number(),
  login: z.string(),
  is_superuser: z.boolean(),
  sees_sessions: z.boolean(),
  is_read_only: z.boolean(),
  settings: z.record(z.string(), z.string()),
  connections: z.array(z.object({ of: z.string(), used: z.number(), max: z.number().nullable() })),
  snapshot: z
    .object({
      pid: z.int(),
      name: z.string().nullable(),
      state: z.string().nullable(),
      seconds: z.number(),
    })
    .nullable(),
  prepared: z.array(z.object({ name: z.string(), seconds: z.number() })),
  slots: z.array(z.object({ name: z.string(), is_active: z.boolean(), keeps: z.string() })),
});

interface DoctorRoutines {
  readonly doctorSchema: Routine<SchemaFacts>;
  readonly doctorServer: Routine<ServerFacts>;
}

/** The functions that a doctor calls. */
export const doctorRoutines: DoctorRoutines = {
  doctorSchema: defineRoutine(
    "doctor_schema",
    ["text::text[]"],
    z.tuple([schemaFacts]).transform(([facts]) => facts),
  ),
  doctorServer: defineRoutine(
    "doctor_server",
    [],
    z.tuple([serverFacts]).transform(([facts]) => facts),
  ),
};
