import { expect, test } from "bun:test";

import type { AttemptRef, WorkerEvent } from "@leasehold/core";

import { attemptOf, type Bench, createTestWorker, setup, type TestWorker } from "./setup.ts";

async function inFlight(bench: Bench): Promise<number | undefined> {
  return (await bench.scrape()).get("analysis_jobs_inflight");
}

function claim(worker: TestWorker, attempt: AttemptRef): void {
  worker.emit({ ...attempt, name: "job.claimed", solo: false });
  worker.emit({ ...attempt, name: "phase.started" });
}

/** Every way an attempt ends, as the worker tells it. */
function endingsOf(attempt: AttemptRef): readonly WorkerEvent[] {
  const retryInMs = 1000;
  return [
    { ...attempt, name: "job.completed", durationMs: 1 },
    { ...attempt, name: "job.yielded", nextPhase: "feedback" },
    { ...attempt, name: "job.retried", code: "adapter_unknown", retryInMs },
    { ...attempt, name: "job.released", reason: "outage", code: "backend_busy", retryInMs },
    { ...attempt, name: "job.released", reason: "shutdown", code: "worker_stopping", retryInMs },
    { ...attempt, name: "job.failed", code: "input_corrupt" },
    { ...attempt, name: "job.dead", code: "output_invalid" },
    { ...attempt, name: "job.cancelled", code: "cancelled" },
    { ...attempt, name: "lease.lost" },
  ];
}

for (const ending of endingsOf(attemptOf("a"))) {
  const reason = "reason" in ending ? ` (${ending.reason})` : "";

  test(`forgets exactly the job that ends by ${ending.name}${reason}`, async () => {
    await using bench = setup();
    claim(bench.worker, attemptOf("a"));
    claim(bench.worker, attemptOf("b"));
    expect(await inFlight(bench)).toBe(2);

    bench.worker.emit(ending);

    expect(await inFlight(bench)).toBe(1);
  });
}

test("forgets a job that is given back after a phase", async () => {
  await using bench = setup();
  claim(bench.worker, attemptOf("a"));

  bench.worker.emit({ ...attemptOf("a"), name: "phase.completed", durationMs: 1 });
  bench.worker.emit({ ...attemptOf("a"), name: "job.yielded", nextPhase: "feedback" });

  expect(await inFlight(bench)).toBe(0);
});

test("counts a job once while it goes on from phase to phase under one lease", async () => {
  await using bench = setup();
  const feedback = attemptOf("a", { phase: "feedback" });

  claim(bench.worker, attemptOf("a"));
  bench.worker.emit({ ...attemptOf("a"), name: "phase.completed", durationMs: 1 });
  bench.worker.emit({ ...feedback, name: "phase.started" });

  expect(await inFlight(bench)).toBe(1);
  bench.worker.emit({ ...feedback, name: "job.completed", durationMs: 1 });
  expect(await inFlight(bench)).toBe(0);
});

test("the gauge does not fall below zero when an end is told twice, or for a job of some other worker", async () => {
  await using bench = setup();
  claim(bench.worker, attemptOf("a"));

  for (const ending of endingsOf(attemptOf("a"))) bench.worker.emit(ending);
  for (const ending of endingsOf(attemptOf("stranger"))) bench.worker.emit(ending);

  expect(await inFlight(bench)).toBe(0);
  claim(bench.worker, attemptOf("b"));
  expect(await inFlight(bench)).toBe(1);
});

test("keeps a job that was claimed again when the earlier run tells its end late", async () => {
  await using bench = setup();
  claim(bench.worker, attemptOf("a"));
  claim(bench.worker, attemptOf("a", { attempt: 2 }));
  claim(bench.worker, attemptOf("a", { attempt: 3 }));

  bench.worker.emit({ ...attemptOf("a"), name: "lease.lost" });
  bench.worker.emit({ ...attemptOf("a", { attempt: 2 }), name: "lease.lost" });

  expect(await inFlight(bench)).toBe(1);
  bench.worker.emit({ ...attemptOf("a", { attempt: 3 }), name: "job.completed", durationMs: 1 });
  expect(await inFlight(bench)).toBe(0);
});

test("forgets a job whose second claim bears the number of the first, which never began", async () => {
  await using bench = setup();
  claim(bench.worker, attemptOf("a"));
  claim(bench.worker, attemptOf("a"));

  bench.worker.emit({ ...attemptOf("a"), name: "job.completed", durationMs: 1 });

  expect(await inFlight(bench)).toBe(0);
});

test("knows a late end also when the earlier run had gone on to a further phase", async () => {
  await using bench = setup();
  const feedback = attemptOf("a", { phase: "feedback" });
  claim(bench.worker, attemptOf("a"));
  bench.worker.emit({ ...feedback, name: "phase.started" });
  claim(bench.worker, { ...feedback, attempt: 2 });

  bench.worker.emit({ ...feedback, name: "lease.lost" });

  expect(await inFlight(bench)).toBe(1);
});

test("the gauge is not moved by an abandoned adapter, a lapse of some lease, or progress told too late", async () => {
  await using bench = setup();
  claim(bench.worker, attemptOf("a"));
  bench.worker.emit({ ...attemptOf("a"), name: "lease.lapsed" });
  expect(await inFlight(bench)).toBe(1);
  bench.worker.emit({ ...attemptOf("a"), name: "lease.lost" });

  bench.worker.emit({ ...attemptOf("a"), name: "adapter.abandoned" });
  bench.worker.emit({ ...attemptOf("a"), name: "phase.started" });
  bench.worker.emit({
    ...attemptOf("a"),
    name: "phase.progressed",
    progress: { stage: "decoding" },
  });

  expect(await inFlight(bench)).toBe(0);
});

test("the gauge is zero once a worker has stopped, whatever it could not tell", async () => {
  await using bench = setup();
  claim(bench.worker, attemptOf("a"));

  bench.worker.emit({ name: "worker.stopped", worker: "w" });

  expect(await inFlight(bench)).toBe(0);
});

test("the gauge adds up the workers of a process, and drops one that is observed no more", async () => {
  await using bench = setup();
  const second = createTestWorker();
  const end = bench.telemetry.observe(second);
  claim(bench.worker, attemptOf("a"));
  claim(second, attemptOf("b"));
  second.emit({ ...attemptOf("a"), name: "lease.lost" });
  expect(await inFlight(bench)).toBe(2);

  end();

  expect(await inFlight(bench)).toBe(1);
});

test("the gauge is exact after thousands of jobs in any order", async () => {
  await using bench = setup();
  const running = new Map<string, AttemptRef>();

  for (let index = 0; index < 5000; index += 1) {
    const known = running.get(`job ${index % 37}`);
    const attempt = attemptOf(`job ${index % 37}`, { attempt: index + 1 });
    if (known === undefined || Math.random() < 0.2) {
      claim(bench.worker, attempt);
      running.set(attempt.jobId, attempt);
      // The run that was overtaken, if there was one, tells its end only now.
      if (known !== undefined) bench.worker.emit({ ...known, name: "lease.lost" });
    } else {
      const endings = endingsOf(known);
      const ending = endings[Math.floor(Math.random() * endings.length)];
      if (ending !== undefined) bench.worker.emit(ending);
      running.delete(known.jobId);
    }
  }

  expect(await inFlight(bench)).toBe(running.size);
});
