import { z } from "@hono/zod-openapi";
import type { RequeueFilter } from "@leasehold/core";

import { moment, word } from "./job-schemas.ts";

/** Which ended jobs are meant, as JSON has it. */
export interface FilterWords {
  readonly queue?: string | undefined;
  readonly type?: string | undefined;
  readonly tenant?: string | undefined;
  readonly phase?: string | undefined;
  readonly code?: string | undefined;
  readonly state?: "failed" | "dead" | "cancelled" | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly outage?: boolean | undefined;
}

const filterWords = {
  queue: word.optional(),
  type: word.optional(),
  tenant: word.optional(),
  phase: word.optional(),
  code: word.optional(),
  state: z.enum(["failed", "dead", "cancelled"]).optional(),
  since: moment.optional(),
  until: moment.optional(),
};

export const filterBody: z.ZodType<FilterWords, FilterWords> = z.strictObject({
  ...filterWords,
  outage: z.boolean().optional(),
});

/** As a query: words only. */
export interface FilterQuery extends Omit<FilterWords, "outage"> {
  readonly outage?: "true" | "false" | undefined;
}

export const filterQuery: z.ZodObject = z.strictObject({
  ...filterWords,
  outage: z.enum(["true", "false"]).optional(),
});

/** As core has it. */
export function toFilter({ since, until, ...rest }: FilterWords): RequeueFilter {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...given,
    ...(since === undefined ? {} : { since: new Date(since) }),
    ...(until === undefined ? {} : { until: new Date(until) }),
  };
}
