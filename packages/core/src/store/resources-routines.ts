import { z } from "zod";

import type { Routine } from "../database/database.ts";
import type { DueLane, ResourceStanding } from "./job-store.ts";
import { type ClaimedRow, defineRoutine, readClaimed } from "./lease-routines.ts";

/** What jobs compete for, such as a model on a host, over all workers. */
export interface ResourceRecord {
  readonly name: string;
  /** Jobs at once; undefined: no bound. */
  readonly concurrency: number | undefined;
  /** `open`: it is away, and nothing is claimed. `half_open`: one job looks whether it is back. */
  readonly state: "closed" | "open" | "half_open";
  /** Why it is not closed. */
  readonly code: string | undefined;
  /** Of an open breaker: when one job may look. Undefined: when an operator closes it, or it is not open. */
  readonly openUntil: Date | undefined;
  /** Since it last was back for a while. */
  readonly outages: number;
  /** Jobs that have it now. */
  readonly leased: number;
  /** How many more it bears now; undefined: no bound. */
  readonly places: number | undefined;
  /** The id of the job that looks. */
  readonly probe: string | undefined;
  readonly changedAt: Date | undefined;
}

/** A row of a claim: a job, or at the end how the resource is. */
export interface ResourceClaimRow {
  readonly job: ClaimedRow | undefined;
  readonly standing: ResourceStanding | undefined;
}

interface ResourceRoutines {
  readonly declareResource: Routine<number | undefined>;
  readonly claimForResource: Routine<ResourceClaimRow>;
  readonly peekLanes: Routine<DueLane>;
  readonly setResource: Routine<"created" | "updated">;
  readonly openBreaker: Routine<"ok" | "not_found">;
  readonly closeBreaker: Routine<"ok" | "not_found" | "closed">;
  readonly getResources: Routine<ResourceRecord>;
}

const optional = <Value>(column: z.ZodType<Value>): z.ZodType<Value | undefined> =>
  column.nullable().transform((value) => value ?? undefined);
const answer = <Word extends string>(...words: readonly Word[]): z.ZodType<Word> =>
  z.tuple([z.enum(words)]).transform(([word]) => word);
const state = z.enum(["closed", "open", "half_open"]);

const standing: z.ZodType<ResourceStanding> = z
  .tuple([state, optional(z.string()), z.int(), optional(z.int())])
  .transform(([now, code, waitMs, places]) => ({ state: now, code, waitMs, places }));

const standingColumns = 4;

function readClaim(columns: unknown): ResourceClaimRow {
  const all: unknown[] = Array.isArray(columns) ? columns : [];
  const isJob = all[0] === null;
  return {
    job: isJob ? readClaimed(all.slice(standingColumns)) : undefined,
    standing: isJob ? undefined : standing.parse(all.slice(0, standingColumns)),
  };
}

const dueLane: z.ZodType<DueLane> = z
  .tuple([z.int(), z.string()])
  .transform(([laneId, waitedMs]) => ({ laneId, waitedMs: Number(waitedMs) }));

const resource: z.ZodType<ResourceRecord> = z
  .tuple([
    z.string(),
    optional(z.int()),
    state,
    optional(z.string()),
    optional(z.date()),
    z.int(),
    z.int(),
    optional(z.int()),
    optional(z.string()),
    optional(z.date()),
  ])
  .transform(([name, concurrency, now, code, openUntil, outages, leased, ...rest]) => ({
    name,
    concurrency,
    state: now,
    code,
    openUntil,
    outages,
    leased,
    places: rest[0],
    probe: rest[1],
    changedAt: rest[2],
  }));

/** The functions that are about resources. */
export const resourceRoutines: ResourceRoutines = {
  declareResource: defineRoutine(
    "declare_resource",
    ["text", "integer"],
    z.tuple([optional(z.int())]).transform(([concurrency]) => concurrency),
  ),
  claimForResource: {
    name: "claim_for_resource",
    casts: [
      "text",
      "text",
      "uuid",
      "text::integer[]",
      "text::integer[]",
      "integer",
      "integer",
      "text::jsonb",
    ],
    read: readClaim,
  },
  peekLanes: defineRoutine("peek_lanes", ["text::integer[]"], dueLane),
  setResource: defineRoutine("set_resource", ["text", "integer"], answer("created", "updated")),
  openBreaker: defineRoutine(
    "open_breaker",
    ["text", "integer", "text"],
    answer("ok", "not_found"),
  ),
  closeBreaker: defineRoutine("close_breaker", ["text"], answer("ok", "not_found", "closed")),
  getResources: defineRoutine("get_resources", [], resource),
};
