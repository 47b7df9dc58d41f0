import * as fc from "fast-check";

import type { JobRequest, Move, Phase } from "./queue-model.ts";

/** A lease, counted back from the last one, of those that are held or those that are not; or a forgery of the first kind. */
export interface LeasePick {
  readonly back: number;
  readonly of: "held" | "ended" | "forged";
}

/**
 * One thing that somebody does. Plain data, so that a story that failed can be read, shortened and told again; what it
 * refers to need not exist: then nothing is done.
 */
export type Step =
  | { readonly verb: "enqueue"; readonly jobs: readonly JobRequest[] }
  | {
      readonly verb: "claim";
      readonly worker: string;
      readonly phases: readonly Phase[];
      readonly limit: number;
      readonly takesAlone: boolean;
      /** Starts at once what must run alone. */
      readonly begins: boolean;
      readonly leaseMs: number;
      readonly waitMs: number;
    }
  | { readonly verb: "start" | "hold" | "abandon"; readonly lease: LeasePick }
  | { readonly verb: "renew"; readonly leases: readonly LeasePick[] }
  | {
      readonly verb: "savePart";
      readonly lease: LeasePick;
      readonly phase: Phase;
      readonly part: number;
    }
  | { readonly verb: "checkpoint"; readonly lease: LeasePick; readonly yields: boolean }
  | {
      readonly verb: "settle";
      readonly lease: LeasePick;
      readonly move: Exclude<Move, "lapse" | "cancel" | "expire">;
      readonly retryAfterMs: number | null;
      readonly hasOutput: boolean;
    }
  | { readonly verb: "advance"; readonly ms: number }
  | { readonly verb: "lapse"; readonly limit: number; readonly waitMs: number }
  | { readonly verb: "cancel"; readonly job: number }
  | { readonly verb: "requeue"; readonly job: number; readonly delayMs: number }
  | { readonly verb: "replay"; readonly job: number; readonly phase: Phase }
  | { readonly verb: "expire"; readonly waitMs: number };

const lease: fc.Arbitrary<LeasePick> = fc.record({
  back: fc.nat(5),
  of: fc.constantFrom("held", "held", "held", "held", "held", "ended", "ended", "forged"),
});
const delayMs = fc.constantFrom(0, 0, 5, 1_000);
const phase = fc.constantFrom<Phase>("draft", "grade");
const key = fc.constantFrom(...Array.from({ length: 5 }, () => undefined), "one", "two", "three");
const request: fc.Arbitrary<JobRequest> = fc.record({
  priority: fc.constantFrom(undefined, 0, 5, 9),
  delayMs,
  uniqueKey: key,
  idempotencyKey: key,
  id: fc.constantFrom(
    ...Array.from({ length: 15 }, () => undefined),
    "11111111-1111-4111-8111-111111111111",
  ),
  skipsDraft: fc.nat(3).map((drawn) => drawn === 3),
  onConflict: fc.constantFrom(undefined, undefined, "keep", "replace", "supersede"),
  ttlMs: fc.constantFrom(undefined, undefined, undefined, undefined, 0, 2_000, 30_000),
  deadlineMs: fc.constantFrom(undefined, undefined, undefined, undefined, 1_000, 60_000),
});

/** Steps in about the mixture of a busy queue with much bad luck. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  weigh(3, {
    verb: fc.constant("enqueue"),
    jobs: fc.array(request, { minLength: 1, maxLength: 3 }),
  }),
  weigh(10, {
    verb: fc.constant("claim"),
    worker: fc.constantFrom("ada", "bob"),
    phases: fc.constantFrom<Phase[]>(["draft", "grade"], ["draft", "grade"], ["draft"], ["grade"]),
    limit: fc.constantFrom(1, 2, 3, 4, 1, 2, 3, 0),
    takesAlone: fc.boolean(),
    begins: fc.boolean(),
    leaseMs: fc.constantFrom(1_000, 2_000),
    waitMs: fc.constantFrom(0, 0, 3_000, 60_000),
  }),
  weigh(3, { verb: fc.constant("start"), lease }),
  weigh(1, { verb: fc.constantFrom("hold", "abandon"), lease }),
  weigh(1, { verb: fc.constant("renew"), leases: fc.array(lease, { maxLength: 4 }) }),
  weigh(2, { verb: fc.constant("savePart"), lease, phase, part: fc.constantFrom(1, 1, 2) }),
  weigh(3, { verb: fc.constant("checkpoint"), lease, yields: fc.boolean() }),
  weigh(11, {
    verb: fc.constant("settle"),
    lease,
    move: fc.constantFrom("complete", "retry", "retry", "retry", "fail", "outage", "shutdown"),
    retryAfterMs: fc.constantFrom(null, null, 0, 2_500, 2_000_000_000),
    hasOutput: fc.boolean(),
  }),
  weigh(1, { verb: fc.constant("advance"), ms: fc.constantFrom(5, 900, 4_000) }),
  weigh(3, {
    verb: fc.constant("lapse"),
    limit: fc.constantFrom(1, 100, 100),
    waitMs: fc.constantFrom(0, 0, 1_100, 2_100),
  }),
  weigh(1, { verb: fc.constant("cancel"), job: fc.nat(9) }),
  weigh(2, { verb: fc.constant("requeue"), job: fc.nat(9), delayMs }),
  weigh(2, { verb: fc.constant("replay"), job: fc.nat(9), phase }),
  weigh(2, { verb: fc.constant("expire"), waitMs: fc.constantFrom(0, 0, 2_000, 65_000) }),
);

function weigh<Fields extends { readonly verb: Step["verb"] }>(
  weight: number,
  fields: { readonly [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
): fc.WeightedArbitrary<Fields> {
  return { weight, arbitrary: fc.record(fields) as fc.Arbitrary<Fields> };
}
