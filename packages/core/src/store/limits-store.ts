import { z } from "zod";

import type { Pool, Routine, SqlValue } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import {
  type Limit,
  type LimitRecord,
  type LimitScope,
  limitsRoutines as routines,
} from "./limits-routines.ts";

/** Limits as data, as part of a client. For the schema's owner: workers' logins may only read them. */
export interface Limiting {
  /**
   * Sets or changes a limit, for every worker and from now on; jobs that run count as used. Of a new one, the jobs that
   * wait under it are moved in this call, in some seconds per 100,000.
   */
  setLimit(scope: LimitScope, limit: Limit): Promise<"created" | "changed">;
  dropLimit(scope: LimitScope): Promise<"ok" | "not_found">;
  /** The limits and the tenants' weights, by scope and name. */
  getLimits(): Promise<readonly LimitRecord[]>;
  /** A tenant's share where tenants take turns, from 0.001 to 1,000. Without it: 1. */
  setTenantWeight(tenant: string, weight: number): Promise<void>;
}

const count = z.int().min(0).max(2_147_483_647);
const windowMsMax = 604_800_000;

const limitSchema = z
  .strictObject({
    concurrencyMax: count.optional(),
    rate: z.strictObject({ max: count, windowMs: z.int().min(1).max(windowMsMax) }).optional(),
    fair: z.boolean().optional(),
  })
  .refine((limit) => limit.fair === true || (limit.concurrencyMax ?? limit.rate) !== undefined, {
    message: "a limit needs concurrencyMax, rate or fair",
  });
const key = z.string().min(1).max(256);
const scopeSchema = z.union(
  [z.strictObject({ queue: key }), z.strictObject({ type: key }), z.strictObject({ tenant: key })],
  { error: "name one of queue, type and tenant" },
);
const weightSchema = z.number().min(0.001).max(1_000);

export function createLimiting(pool: Pick<Pool, "call">): Limiting {
  const ask = async <Answer>(
    routine: Routine<Answer>,
    values: readonly SqlValue[],
  ): Promise<Answer> => {
    const [answer] = await pool.call(routine, values);
    if (answer === undefined) {
      throw new WorkerError("statement_failed", `Postgres gave no answer to ${routine.name}.`);
    }
    return answer;
  };
  return {
    async setLimit(scope, limit) {
      const place = placeOf(scope);
      const { concurrencyMax, rate, fair = false } = check(limitSchema, limit);
      if (fair && place[0] === "tenant") {
        throw new WorkerError("input_invalid", "Limit refused: fair is for a queue or a type.");
      }
      const bounds = [concurrencyMax ?? null, rate?.max ?? null, rate?.windowMs ?? null];
      return await ask(routines.setLimit, [...place, ...bounds, fair]);
    },
    dropLimit: async (scope) => await ask(routines.dropLimit, placeOf(scope)),
    getLimits: () => pool.call(routines.getLimits, []),
    async setTenantWeight(tenant, weight) {
      await ask(routines.setTenantWeight, [check(key, tenant), check(weightSchema, weight)]);
    },
  };
}

type Place = readonly [kind: "queue" | "type" | "tenant", key: string];

function placeOf(scope: LimitScope): Place {
  const checked = check(scopeSchema, scope);
  if ("queue" in checked) return ["queue", checked.queue];
  return "type" in checked ? ["type", checked.type] : ["tenant", checked.tenant];
}

function check<Value>(schema: z.ZodType<Value>, given: unknown): Value {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`,
  );
  throw new WorkerError("input_invalid", `Limit refused: ${problems.join("; ")}.`);
}
