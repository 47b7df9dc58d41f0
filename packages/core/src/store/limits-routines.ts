import { z } from "zod";

import type { Routine } from "../database/database.ts";
import { defineRoutine } from "./lease-routines.ts";

/** What a limit is about. The tenant `*` stands for each tenant that has no limit of its own. */
export type LimitScope =
  { readonly queue: string } | { readonly type: string } | { readonly tenant: string };

/** At least one of these. What is left out is not bounded. */
export interface Limit {
  /** Jobs that run at once, from 0. */
  readonly concurrencyMax?: number;
  /** At most `max` jobs are claimed in any `windowMs`; the window is at most a week. */
  readonly rate?: { readonly max: number; readonly windowMs: number };
  /** Tenants take turns, without a bound too. Of a queue or a type. Default: `false`. */
  readonly fair?: boolean;
}

/** A limit as it is, or a tenant's weight. */
export interface LimitRecord extends Limit {
  readonly scope: LimitScope;
  readonly fair: boolean;
  /** Jobs that run under it now. Of the tenant `*`, all jobs of tenants. */
  readonly running: number;
  /** A tenant's share, when it is not 1. */
  readonly weight?: number;
}

interface LimitsRoutines {
  readonly setLimit: Routine<"created" | "changed">;
  readonly dropLimit: Routine<"ok" | "not_found">;
  readonly getLimits: Routine<LimitRecord>;
  readonly setTenantWeight: Routine<"ok">;
}

const limitRow: z.ZodType<LimitRecord> = z
  .tuple([
    z.enum(["queue", "type", "tenant"]),
    z.string(),
    z.int().nullable(),
    z.int().nullable(),
    z.int().nullable(),
    z.boolean(),
    z.number().nullable(),
    z.int(),
  ])
  .transform(([kind, key, concurrencyMax, max, windowMs, fair, weight, running]) => ({
    scope: toScope(kind, key),
    ...(concurrencyMax === null ? {} : { concurrencyMax }),
    ...(max === null || windowMs === null ? {} : { rate: { max, windowMs } }),
    fair,
    running,
    ...(weight === null ? {} : { weight }),
  }));

function toScope(kind: "queue" | "type" | "tenant", key: string): LimitScope {
  if (kind === "queue") return { queue: key };
  return kind === "type" ? { type: key } : { tenant: key };
}

/** The functions that set limits. */
export const limitsRoutines: LimitsRoutines = {
  setLimit: defineRoutine(
    "set_limit",
    ["text", "text", "integer", "integer", "integer", "boolean"],
    z.tuple([z.enum(["created", "changed"])]).transform(([answer]) => answer),
  ),
  dropLimit: defineRoutine(
    "drop_limit",
    ["text", "text"],
    z.tuple([z.enum(["ok", "not_found"])]).transform(([answer]) => answer),
  ),
  getLimits: defineRoutine("get_limits", [], limitRow),
  setTenantWeight: defineRoutine(
    "set_tenant_weight",
    ["text", "double precision"],
    z.tuple([z.enum(["ok"])]).transform(([answer]) => answer),
  ),
};
