import { expect, test } from "bun:test";

import { createCancellation } from "../src/cancellation.ts";
import { WorkerError } from "../src/errors.ts";

const lost = (): WorkerError => new WorkerError("lease_lost", "Gone.");
const stopping = (): WorkerError => new WorkerError("worker_stopping", "Stopped.");

test("the first reason counts, and everybody hears the same", () => {
  const cancellation = createCancellation();
  const heard: unknown[] = [];
  const early = cancellation.signal;
  cancellation.onAbort(() => heard.push(cancellation.reason()));

  cancellation.abort(lost);
  cancellation.abort(stopping);
  cancellation.onAbort(() => heard.push(cancellation.reason()));

  const reason = cancellation.reason();
  expect(reason).toMatchObject({ code: "lease_lost" });
  expect([early.reason, cancellation.signal.reason]).toEqual([reason, reason]);
  expect(heard).toEqual([reason, reason]);
});

test("a signal that is asked for afterwards is aborted already", () => {
  const cancellation = createCancellation();

  cancellation.abort(lost);

  expect(cancellation.signal.aborted).toBe(true);
  expect(cancellation.signal.reason).toBe(cancellation.reason());
});

test("nobody is called who took it back", () => {
  const cancellation = createCancellation();
  let calls = 0;
  const takeBack = cancellation.onAbort(() => {
    calls += 1;
  });

  takeBack();
  cancellation.abort(lost);

  expect(calls).toBe(0);
});

test("the error is made only when somebody wants to know", () => {
  const cancellation = createCancellation();
  let made = 0;

  cancellation.abort(() => {
    made += 1;
    return lost();
  });

  expect(made).toBe(0);
  cancellation.reason();
  cancellation.reason();
  expect(made).toBe(1);
});
