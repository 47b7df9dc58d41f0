import { describe, expect, test } from "bun:test";

import { createEventHub, type EventHub } from "../../src/events.ts";
import type { LeaseRenewal, RenewalAnswer } from "../../src/store/job-store.ts";
import { reasonOf, signalOf } from "../../src/worker/cancellation.ts";
import { createLeaseKeeper, findOutLoss, type LeaseKeeper } from "../../src/worker/lease-keeper.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";

type Answers = ReadonlyMap<string, RenewalAnswer>;

interface Subject {
  readonly keeper: LeaseKeeper;
  readonly events: EventHub;
  readonly timers: () => number;
  readonly advance: (ms: number) => Promise<void>;
  /** Answers the renewal that is on its way. */
  readonly answer: (answers: Answers) => Promise<void>;
  readonly renewals: () => number;
  /** What the last renewal asked for. */
  readonly asked: () => readonly LeaseRenewal[];
}

/** A keeper of leases of a minute, renewed every twenty seconds, with a margin of ten. Time is the test's. */
function setup(): Subject {
  const runtime = createFakeRuntime();
  const pending: ((answers: Answers) => void)[] = [];
  let renewals = 0;
  let asked: readonly LeaseRenewal[] = [];
  const events = createEventHub();
  const keeper = createLeaseKeeper({
    store: {
      renewLeases: (leases) => {
        renewals += 1;
        asked = leases.map(({ jobId, token, progress }) => ({ jobId, token, progress }));
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
    asked: () => asked,
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
  test("tells of its first renewal that was answered well, and of no later one", async () => {
    const { keeper, events, advance, answer } = setup();
    const told: unknown[] = [];
    events.subscribe((event) => {
      if (event.name === "renewal.started") told.push(event);
    });
    const about = { jobId: "public", type: "essay", phase: "draft", attempt: 2 };
    keeper.start();
    keeper.hold(key, 0).about = about;
    // Nobody said yet what it is held for.
    keeper.hold({ jobId: "2", token: "u" }, 0);

    await advance(20_000);
    await answer(new Map([["1", "busy"]] as const));
    const afterBusy = told.length;
    for (let round = 0; round < 2; round += 1) {
      await advance(20_000);
      await answer(
        new Map([
          ["1", "ok"],
          ["2", "ok"],
        ] as const),
      );
    }

    expect(afterBusy).toBe(0);
    expect(told).toEqual([{ ...about, name: "renewal.started" }]);
  });

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

describe("a lease that is gone", () => {
  test.each(["cancelled", "superseded", "expired"] as const)(
    "on somebody's order (%s) ends the work with that code",
    async (code) => {
      const { keeper, advance, answer } = setup();
      const lease = keeper.hold(key, 0);
      keeper.start();
      await advance(20_000);

      await answer(new Map([["1", code]]));

      expect([lease.isLost, lease.cancelCode]).toEqual([true, code]);
      expect(reasonOf(lease.work)).toMatchObject({ code, retryable: false });
    },
  );

  test("is asked why by whoever was refused, and is lost when nobody answers", async () => {
    const { keeper, answer } = setup();
    const one = keeper.hold(key, 0);
    const two = keeper.hold({ jobId: "2", token: "u" }, 0);

    const finding = Promise.all([findOutLoss(one), findOutLoss(two)]);
    await answer(new Map([["1", "cancelled"]]));
    await answer(new Map());
    await finding;

    expect([one.cancelCode, two.cancelCode]).toEqual(["cancelled", undefined]);
    expect(reasonOf(two.work)).toMatchObject({ code: "lease_lost" });
  });
});

describe("a hint", () => {
  test("is followed at once, and the next renewal comes in its own time", async () => {
    const { keeper, advance, answer, renewals } = setup();
    keeper.hold(key, 0);
    keeper.start();

    keeper.hurry();
    await advance(0);
    await answer(new Map([["1", "ok"]]));
    await advance(19_999);
    const before = renewals();
    await advance(1);

    expect([before, renewals()]).toEqual([1, 2]);
  });

  test("with many others costs one renewal at once and one for all that came after", async () => {
    const { keeper, advance, answer, renewals } = setup();
    keeper.hold(key, 0);
    keeper.start();
    for (let hints = 0; hints < 100; hints += 1) keeper.hurry();
    await advance(0);
    for (let hints = 0; hints < 100; hints += 1) keeper.hurry();
    await answer(new Map([["1", "ok"]]));
    await advance(249);
    const before = renewals();

    await advance(1);
    await answer(new Map([["1", "ok"]]));
    await advance(10_000);

    expect([before, renewals()]).toEqual([1, 2]);
  });

  test("that comes while nothing runs here asks nobody", async () => {
    const { keeper, advance, renewals } = setup();
    keeper.start();

    keeper.hurry();
    await advance(0);
    keeper.hold(key, 0);
    await advance(19_999);

    expect(renewals()).toBe(0);
  });

  test("after the stop asks nobody", async () => {
    const { keeper, advance, renewals, timers } = setup();
    keeper.hold(key, 0);
    keeper.start();
    keeper.stop();

    keeper.hurry();
    await advance(60_000);

    expect([renewals(), timers()]).toEqual([0, 0]);
  });
});

describe("progress", () => {
  const told = { phase: "draft", tokens: 1 } as const;
  const later = { phase: "draft", tokens: 2 } as const;

  test("goes with the next renewal, the latest only, and once", async () => {
    const { keeper, advance, answer, asked } = setup();
    const lease = keeper.hold(key, 0);
    keeper.start();
    lease.progress = told;
    lease.progress = later;

    await advance(20_000);
    const first = asked();
    await answer(new Map([["1", "ok"]]));
    await advance(20_000);

    expect(first).toEqual([{ ...key, progress: later }]);
    expect(asked()).toEqual([key]);
  });

  test.each<[string, Answers]>([
    ["nobody wrote down", new Map([["1", "busy"]])],
    ["something newer came to meanwhile", new Map([["1", "ok"]])],
  ])("that %s goes with the renewal after", async (_, answers) => {
    const { keeper, advance, answer, asked } = setup();
    const lease = keeper.hold(key, 0);
    keeper.start();
    lease.progress = told;
    await advance(20_000);
    if (answers.get("1") === "ok") lease.progress = later;

    await answer(answers);
    await advance(20_000);

    const last = answers.get("1") === "ok" ? later : told;
    expect(asked()).toEqual([{ ...key, progress: last }]);
  });

  test("of a phase that is over is not told", async () => {
    const { keeper, advance, asked } = setup();
    const lease = keeper.hold(key, 0);
    keeper.start();
    lease.progress = told;

    lease.progress = undefined;
    await advance(20_000);

    expect(asked()).toEqual([key]);
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
