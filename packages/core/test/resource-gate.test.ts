import { describe, expect, test } from "bun:test";

import { WorkerError } from "@leasehold/core";

import { createAlarms } from "../src/alarms.ts";
import { abort } from "../src/cancellation.ts";
import { parseWorkerSettings } from "../src/config.ts";
import { createEventHub } from "../src/events.ts";
import { runJob } from "../src/job-runner.ts";
import type { JobStore } from "../src/job-store.ts";
import { createLeaseKeeper, loseLease } from "../src/lease-keeper.ts";
import { endOverdue } from "../src/phase-execution.ts";
import type { PhasePlan } from "../src/phase-plan.ts";
import { createResourceGate, type ResourceGate } from "../src/resource-gate.ts";
import { type Runtime, systemRuntime } from "../src/runtime.ts";
import { essayOf, resultOf } from "./support/worker.ts";

interface Subject {
  readonly gate: ResourceGate;
  readonly runtime: Runtime;
  readonly advance: (ms: number) => void;
}

function setup(): Subject {
  let now = 0;
  const runtime = { ...systemRuntime, now: () => now };
  return { gate: createResourceGate(runtime), runtime, advance: (ms) => void (now += ms) };
}

describe("a resource", () => {
  test("lets everything in, before anybody complained", () => {
    const { gate } = setup();

    gate.enter("host/model");

    expect(gate.admission("host/model")).toBe("all");
  });

  test("lets nothing in while it is shut, one when the time is over, and none beside that one", () => {
    const { gate, advance } = setup();
    gate.shut("host/model", 5_000);
    const admissions = [gate.admission("host/model")];

    advance(5_000);
    admissions.push(gate.admission("host/model"));
    gate.enter("host/model");
    admissions.push(gate.admission("host/model"));

    expect(admissions).toEqual(["none", "one", "none"]);
  });

  test("lets everything in when the one worked, and one more when it told nothing", () => {
    const { gate, advance } = setup();
    gate.shut("host/model", 5_000);
    advance(5_000);

    gate.enter("host/model");
    gate.leave("host/model", false);
    const afterNothing = gate.admission("host/model");
    gate.enter("host/model");
    gate.leave("host/model", true);

    expect([afterNothing, gate.admission("host/model")]).toEqual(["one", "all"]);
  });

  test("that is shut again waits again, and others are not concerned", () => {
    const { gate, advance } = setup();
    gate.shut("host/model", 5_000);
    advance(5_000);
    gate.enter("host/model");

    gate.shut("host/model", 60_000);

    expect(gate.admission("host/model")).toBe("none");
    expect(gate.admission("host/other")).toBe("all");
    advance(60_000);
    expect(gate.admission("host/model")).toBe("one");
  });
});

test("a probe whose job is lost before it begins makes way for another", async () => {
  const { gate, runtime, advance } = setup();
  const events = createEventHub();
  const store = { startJob: async () => "lost" } as Partial<JobStore> as JobStore;
  const keeper = createLeaseKeeper({
    store,
    runtime,
    events,
    leaseMs: 60_000,
    renewMs: 20_000,
    marginMs: 10_000,
  });
  const pipeline = essayOf({ draft: undefined });
  const [phase] = pipeline.phases;
  if (phase === undefined) throw new Error("An essay has a phase.");
  const resource = "host/model";
  const plan: PhasePlan = {
    pipeline,
    phase,
    laneId: 1,
    soloLaneId: 2,
    resource,
    next: undefined,
    execute: async () => resultOf(1),
  };
  const key = { jobId: "1", token: "t" };
  const job = { ...key, publicId: "p", laneId: 2, attempt: 2, solo: true, payload: {} };
  const claim = { job, plan, claimedAt: runtime.now(), isWorked: false };
  let stops = false;
  const options = {
    store,
    runtime,
    deadlines: createAlarms(runtime, endOverdue),
    keeper,
    worked: () => undefined,
    async alone() {
      // The worker stops while the job waits for its neighbours, and meanwhile the lease is lost, too.
      if (!stops) return;
      for (const lease of keeper.held()) {
        abort(lease.work, () => new WorkerError("worker_stopping", "Stopped."));
        loseLease(lease);
      }
    },
    events,
    gate,
    logger: { info: () => undefined, warn: () => undefined },
    settings: parseWorkerSettings({}),
    hardStop: new AbortController().signal,
  };
  gate.shut(resource, 5_000);
  advance(5_000);

  gate.enter(resource);
  await runJob(options, claim);
  const afterLost = gate.admission(resource);
  gate.enter(resource);
  stops = true;
  await runJob(options, claim);

  expect([afterLost, gate.admission(resource)]).toEqual(["one", "one"]);
});
