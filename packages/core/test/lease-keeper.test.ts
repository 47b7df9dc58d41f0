import { describe, expect, test } from "bun:test";

import { signalOf } from "../src/cancellation.ts";
import { createEventHub, type EventHub } from "../src/events.ts";
import { createLeaseKeeper, type LeaseKeeper } from "../src/lease-keeper.ts";
import { createFakeRuntime } from "./support/fake-runtime.ts";

type Answers = ReadonlyMap<string, "ok" | "busy">;

interface Subject {
  readonly keeper: LeaseKeeper;
  readonly events: EventHub;
  readonly timers: () => number;
  readonly advance: (ms: number) => Promise<void>;
  /** Answers the renewal that is on its way. */
  readonly answer: (answers: Answers) => Promise<void>;
  readonly renewals: () => number;
}

/** A keeper of leases of a minute, renewed every twenty seconds, with a margin of ten. Time is the test's. */
function setup(): Subject {
  const runtime = createFakeRuntime();
  const pending: ((answers: Answers) => void)[] = [];
  let renewals = 0;
  const events = createEventHub();
  const keeper = createLeaseKeeper({
    store: {
      renewLeases: () => {
        renewals += 1;
        return new Promise((resolve) => void pending.push(resolve));
      },
    },
    runtime,
    events,
    leaseMs: 60_000,
    renewMs: 20_000,
    marginMs: 10_000,
  });
  const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));
  return {
    keeper,
    events,
    timers: () => runtime.timers(),
    renewals: () => renewals,
    async advance(ms) {
      runtime.advance(ms);
      await settle();
    },
    async answer(answers) {
      pending.shift()?.(answers);
      await settle();
    },
  };
}

const key = { jobId: "1", token: "t" };

describe("a lease", () => {
  test("is the process's own until ten seconds before its end, counted from when it was asked for", async () => {
    const { keeper, advance } = setup();
    await advance(7_000);
    const lease = keeper.hold(key, 0);

    await advance(42_999);
    const before = signalOf(lease.work).aborted;
    await advance(1);

    expect([before, signalOf(lease.work).aborted]).toEqual([false, true]);
    expect(signalOf(lease.work).reason).toMatchObject({
      code: "database_unavailable",
      scope: "backend",
    });
    expect(lease.isLost).toBe(false);
  });

  test("that was renewed lasts on, counted from when the renewal was sent", async () => {
    const { keeper, advance, answer } = setup();
    const lease = keeper.hold(key, 0);
    keeper.start();
    await advance(20_000);
    await advance(5_000);
    await answer(new Map([["1", "ok"]]));

    await advance(44_999);
    const before = signalOf(lease.work).aborted;
    await advance(1);

    expect([before, signalOf(lease.work).aborted]).toEqual([false, true]);
  });

  test("that somebody else is about to end lasts no longer, and is asked for again", async () => {
    const { keeper, advance, answer, renewals } = setup();
    const lease = keeper.hold(key, 0);
    keeper.start();
    await advance(20_000);
    await answer(new Map([["1", "busy"]]));
    const after = signalOf(lease.work).aborted;

    await advance(20_000);
    await advance(10_000);

    expect([after, signalOf(lease.work).aborted]).toEqual([false, true]);
    expect(renewals()).toBe(2);
  });

  test("that is missing in the answer is lost at once", async () => {
    const { keeper, advance, answer } = setup();
    const lease = keeper.hold(key, 0);
    const other = keeper.hold({ jobId: "2", token: "u" }, 0);
    keeper.start();

    await advance(20_000);
    await answer(new Map([["2", "ok"]]));

    expect([lease.isLost, other.isLost]).toEqual([true, false]);
    expect(signalOf(lease.work).reason).toMatchObject({ code: "lease_lost" });
  });

  test("that was settled while the renewal was on its way is nobody's loss", async () => {
    const { keeper, advance, answer } = setup();
    const lease = keeper.hold(key, 0);
    keeper.start();
    await advance(20_000);
    keeper.drop(lease);

    await answer(new Map());

    expect([lease.isLost, signalOf(lease.work).aborted]).toEqual([false, false]);
  });

  test("of a job that came back ends the one from before", async () => {
    const { keeper } = setup();
    const first = keeper.hold(key, 0);
    const second = keeper.hold({ ...key, token: "new" }, 0);

    keeper.drop(first);

    expect([first.isLost, signalOf(first.work).aborted]).toEqual([true, true]);
    expect([second.isLost, signalOf(second.work).aborted]).toEqual([false, false]);
  });
});

describe("stopping", () => {
  test("leaves no timer behind, also when a renewal is on its way", async () => {
    const { keeper, events, advance, answer, timers } = setup();
    const names: string[] = [];
    events.subscribe(({ name }) => names.push(name));
    keeper.hold(key, 0);
    keeper.start();
    await advance(20_000);
    keeper.stop();

    await answer(new Map([["1", "ok"]]));

    expect(timers()).toBe(0);
    expect(names).toEqual([]);
  });
});
