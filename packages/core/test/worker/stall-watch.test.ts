import { describe, expect, test } from "bun:test";

import { createAlarms } from "../../src/worker/alarms.ts";
import { createCancellation, reasonOf } from "../../src/worker/cancellation.ts";
import {
  carefree,
  createStallWatch,
  endStalled,
  type StallWatch,
} from "../../src/worker/stall-watch.ts";
import { createFakeRuntime, type FakeRuntime } from "../support/fake-runtime.ts";

interface Subject {
  readonly runtime: FakeRuntime;
  readonly watch: StallWatch;
  /** The code that the phase ended with, if it did. */
  readonly end: () => string | undefined;
}

/** Ten seconds without a word are too many. */
function setup(): Subject {
  const runtime = createFakeRuntime();
  const stalls = createAlarms(runtime, endStalled);
  const cancellation = createCancellation();
  const limit = { phase: "draft", stallMs: 10_000, cancellation };
  return {
    runtime,
    watch: createStallWatch({ runtime, stalls }, limit),
    end: () => reasonOf(cancellation)?.code,
  };
}

describe("a phase", () => {
  test("that never says a word stalls", () => {
    const { runtime, end } = setup();

    runtime.advance(9_999);
    const before = end();
    runtime.advance(1);

    expect([before, end()]).toEqual([undefined, "stalled"]);
  });

  test("stalls so long after its last word", () => {
    const { runtime, watch, end } = setup();
    runtime.advance(9_000);
    watch.note({ stage: "decoding" });

    runtime.advance(9_999);
    const before = end();
    runtime.advance(1);

    expect([before, end()]).toEqual([undefined, "stalled"]);
  });

  test.each(["queued", "loading", "prefill"])(
    "that waits for its backend (%s) does not stall, and may when it goes on",
    (stage) => {
      const { runtime, watch, end } = setup();
      watch.note({ stage });
      for (let minute = 0; minute < 10; minute += 1) runtime.advance(60_000);
      const waiting = end();
      watch.note({ tokens: 1 });

      runtime.advance(10_000);

      expect([waiting, end()]).toEqual([undefined, "stalled"]);
    },
  );

  test("whose part is being written down does not stall, however long Postgres takes", async () => {
    const { runtime, watch, end } = setup();
    const written = Promise.withResolvers<string>();
    const writing = watch.during(() => written.promise);
    for (let minute = 0; minute < 3; minute += 1) runtime.advance(60_000);
    const meanwhile = end();
    written.resolve("ok");
    const answer = await writing;
    runtime.advance(9_999);
    const after = end();

    runtime.advance(10_000);

    expect([answer, meanwhile, after, end()]).toEqual(["ok", undefined, undefined, "stalled"]);
  });

  test("that is over leaves no alarm that rings, also when a write ends later", async () => {
    const { runtime, watch, end } = setup();
    const written = Promise.withResolvers<void>();
    const writing = watch.during(() => written.promise);

    watch.stop();
    written.resolve();
    await writing;
    runtime.advance(60_000);

    expect([end(), runtime.timers()]).toEqual([undefined, 0]);
  });

  test("without a limit may say nothing at all", async () => {
    carefree.note({ stage: "decoding" });

    expect(await carefree.during(async () => 7)).toBe(7);
    carefree.stop();
  });
});
