import * as fc from "fast-check";

/** One thing that is asked of both sides. Numbers choose among what is there, whatever that is by then. */
export type Command =
  | {
      readonly name: "enqueue";
      readonly job: number;
      readonly type: number;
      readonly phase: number;
      readonly priority: number;
      readonly delayMs: number;
      readonly uniqueKey: number | undefined;
      readonly idempotencyKey: number | undefined;
      readonly skips: boolean;
    }
  | {
      readonly name: "claim";
      readonly worker: number;
      readonly limit: number;
      readonly leaseMs: number;
      readonly lanes: number;
      readonly takesSolo: boolean;
    }
  | {
      readonly name: "claimFor";
      readonly resource: number;
      readonly worker: number;
      readonly limit: number;
      readonly leaseMs: number;
      readonly lanes: number;
      readonly takesSolo: boolean;
    }
  | {
      readonly name: "declare";
      readonly resource: number;
      readonly concurrency: number | undefined;
    }
  | { readonly name: "open"; readonly resource: number; readonly forMs: number | undefined }
  | { readonly name: "close"; readonly resource: number }
  | { readonly name: "abandon"; readonly claim: number }
  | {
      readonly name: "start" | "load" | "hold" | "complete" | "fail";
      readonly lease: number;
    }
  | { readonly name: "renew"; readonly leases: readonly number[] }
  | {
      readonly name: "savePart";
      readonly lease: number;
      readonly part: number;
      readonly phase: "own" | "other" | "none";
    }
  | {
      readonly name: "checkpoint";
      readonly lease: number;
      readonly yields: boolean;
      readonly phase: "own" | "other";
    }
  | { readonly name: "retry"; readonly lease: number; readonly retryAfterMs: number | undefined }
  | {
      readonly name: "release";
      readonly lease: number;
      readonly kind: "shutdown" | "outage";
      readonly retryAfterMs: number | undefined;
    }
  | { readonly name: "lapse"; readonly limit: number }
  | { readonly name: "cancel" | "requeue"; readonly job: number }
  | { readonly name: "advance"; readonly ms: number }
  /** From now on the hook raises this for transitions to that state; to none, if the state is none. */
  | { readonly name: "raise"; readonly to: string; readonly sqlstate: string };

/** Jobs that commands are about. */
export const jobCount = 5;

const job = fc.nat(jobCount - 1);
// A small number chooses among the newest, which are the most alive.
const lease = fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(30) });
const retryAfterMs = fc.option(fc.constantFrom(0, 1_500, 40_000, Number.NaN), { nil: undefined });
const key = fc.option(fc.nat(1), { nil: undefined, freq: 3 });

const enqueue = fc.record({
  name: fc.constant("enqueue" as const),
  job,
  type: fc.nat(1),
  phase: fc.constantFrom(0, 0, 0, 1),
  priority: fc.constantFrom(5, 5, 0, 9),
  delayMs: fc.constantFrom(0, 0, 0, 4_000),
  uniqueKey: key,
  idempotencyKey: key,
  skips: fc.boolean(),
});
const claim = fc.record({
  name: fc.constant("claim" as const),
  worker: fc.nat(1),
  limit: fc.constantFrom(1, 2, 3, 10, 10, 0),
  leaseMs: fc.constantFrom(1_000, 3_000, 3_000, 20_000),
  lanes: fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 3),
  takesSolo: fc.constantFrom(true, true, false),
});
const resource = fc.nat(1);
const claimFor = fc.record({
  name: fc.constant("claimFor" as const),
  resource: fc.constantFrom(0, 0, 0, 1),
  worker: fc.nat(1),
  limit: fc.constantFrom(1, 1, 2, 10),
  leaseMs: fc.constantFrom(3_000, 20_000),
  lanes: fc.constantFrom(0, 0, 0, 1, 2),
  takesSolo: fc.constantFrom(true, true, false),
});
const breaker = fc.oneof(
  fc.record({
    name: fc.constant("declare" as const),
    resource,
    concurrency: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  }),
  fc.record({
    name: fc.constant("open" as const),
    resource,
    forMs: fc.constantFrom(undefined, 0, 3_000),
  }),
  fc.record({ name: fc.constant("close" as const), resource }),
);
const ofLease = fc.record({
  name: fc.constantFrom("start", "load", "hold", "complete", "fail"),
  lease,
});
const start = fc.record({ name: fc.constant("start" as const), lease: fc.nat(1) });
const savePart = fc.record({
  name: fc.constant("savePart" as const),
  lease,
  part: fc.integer({ min: 0, max: 3 }),
  phase: fc.constantFrom("own", "own", "none", "other"),
});
const checkpoint = fc.record({
  name: fc.constant("checkpoint" as const),
  lease,
  yields: fc.boolean(),
  phase: fc.constantFrom("own", "own", "own", "other"),
});
const release = fc.record({
  name: fc.constant("release" as const),
  lease,
  kind: fc.constantFrom("shutdown", "outage"),
  retryAfterMs,
});
const raise = fc.record({
  name: fc.constant("raise" as const),
  to: fc.constantFrom("none", "none", "queued", "leased", "completed", "dead", "cancelled", "%"),
  sqlstate: fc.constantFrom("P0001", "P0004", "23505", "40001", "57014"),
});

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: enqueue },
  { weight: 8, arbitrary: claim },
  { weight: 8, arbitrary: claimFor },
  { weight: 2, arbitrary: breaker },
  { weight: 1, arbitrary: fc.record({ name: fc.constant("abandon" as const), claim: fc.nat(3) }) },
  { weight: 4, arbitrary: ofLease },
  { weight: 4, arbitrary: start },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constant("renew" as const),
      leases: fc.uniqueArray(lease, { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: savePart },
  { weight: 5, arbitrary: checkpoint },
  {
    weight: 3,
    arbitrary: fc.record({ name: fc.constant("retry" as const), lease, retryAfterMs }),
  },
  { weight: 3, arbitrary: release },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constant("lapse" as const),
      limit: fc.constantFrom(1, 100, 100),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ name: fc.constantFrom("cancel", "requeue"), job }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constant("advance" as const),
      ms: fc.constantFrom(500, 3_500, 10_000, 60_000),
    }),
  },
  { weight: 1, arbitrary: raise },
);

/** A few jobs and about forty commands, which shrink to the ones that matter. */
export const commands: fc.Arbitrary<readonly Command[]> = fc
  .tuple(
    fc.array(enqueue, { minLength: 1, maxLength: 4, size: "max" }),
    fc.array(command, { minLength: 1, maxLength: 70, size: "max" }),
  )
  .map(([jobs, others]) => [...jobs, ...others]);
