import { expect, test } from "bun:test";

import { WorkerError } from "../../src/errors.ts";
import { abort, createCancellation, reasonOf, signalOf } from "../../src/worker/cancellation.ts";

const lost = (): WorkerError => new WorkerError("lease_lost", "Gone.");
const stopping = (): WorkerError => new WorkerError("worker_stopping", "Stopped.");

test("the first reason counts, and everybody hears the same", () => {
  const cancellation = createCancellation();
  const heard: unknown[] = [];
  const early = signalOf(cancellation);
  cancellation.onAbort = () => heard.push(reasonOf(cancellation));

  abort(cancellation, lost);
  abort(cancellation, stopping);

  const reason = reasonOf(cancellation);
  expect(reason).toMatchObject({ code: "lease_lost" });
  expect([early.reason, signalOf(cancellation).reason]).toEqual([reason, reason]);
  expect(heard).toEqual([reason]);
});

test("a signal that is asked for afterwards is aborted already", () => {
  const cancellation = createCancellation();

  abort(cancellation, lost);

  expect(signalOf(cancellation).aborted).toBe(true);
  expect(signalOf(cancellation).reason).toBe(reasonOf(cancellation));
});

test("work within other work ends with it and for its reason", () => {
  const outer = createCancellation();
  const inner = createCancellation(outer);
  const signal = signalOf(inner);

  abort(outer, lost);

  expect(signal.reason).toMatchObject({ code: "lease_lost" });
  expect(reasonOf(inner)).toBe(reasonOf(outer));
});

test("work that begins within work that is over is over at once", () => {
  const outer = createCancellation();
  abort(outer, lost);

  const inner = createCancellation(outer);

  expect(reasonOf(inner)).toBe(reasonOf(outer));
});

test("work that is over by itself hears no more of the work around it", () => {
  const outer = createCancellation();
  const first = createCancellation(outer);
  abort(first, stopping);
  const second = createCancellation(outer);
  let calls = 0;
  first.onAbort = () => {
    calls += 1;
  };

  abort(outer, lost);

  expect(calls).toBe(0);
  expect(reasonOf(first)).toMatchObject({ code: "worker_stopping" });
  expect(reasonOf(second)).toMatchObject({ code: "lease_lost" });
});

test("the error is made only when somebody wants to know", () => {
  const outer = createCancellation();
  const inner = createCancellation(outer);
  let made = 0;

  abort(outer, () => {
    made += 1;
    return lost();
  });

  expect(made).toBe(0);
  reasonOf(inner);
  reasonOf(outer);
  expect(made).toBe(1);
});
