import { describe, expect, test } from "bun:test";

import type { WorkerEvent } from "@leasehold/core";

import { createEventHub } from "../../src/events.ts";
import type { ResourceClaim } from "../../src/store/job-store.ts";
import { createResourceGate, type ResourceGate } from "../../src/worker/resource-gate.ts";
import { createFakeRuntime, type FakeRuntime } from "../support/fake-runtime.ts";

interface Subject {
  readonly gate: ResourceGate;
  readonly runtime: FakeRuntime;
  readonly told: WorkerEvent[];
}

function setup(): Subject {
  const runtime = createFakeRuntime();
  const events = createEventHub();
  const told: WorkerEvent[] = [];
  events.subscribe((event) => void told.push(event));
  const gate = createResourceGate({ runtime, events, fullMs: 500, shutMsMax: 5_000 });
  return { gate, runtime, told };
}

const closed: ResourceClaim = {
  state: "closed",
  code: undefined,
  waitMs: 0,
  places: undefined,
  jobs: [],
};
const open: ResourceClaim = {
  ...closed,
  state: "open",
  code: "backend_unreachable",
  waitMs: 3_000,
  places: 0,
};
const job = {
  jobId: "1",
  token: "t",
  publicId: "p",
  laneId: 1,
  attempt: 1,
  solo: false,
  payload: {},
};

describe("a resource is asked for", () => {
  test("before anything is known of it, and whenever it has places", () => {
    const { gate } = setup();
    const before = gate.admission("host/model");

    gate.learn("host/model", closed);

    expect([before, gate.admission("host/model")]).toEqual(["ask", "ask"]);
  });

  test("when the wait is over that the database named, and others at once", () => {
    const { gate, runtime } = setup();

    gate.learn("host/model", open);
    const admissions = [gate.admission("host/model"), gate.admission("host/other")];
    runtime.advance(3_000);

    expect([...admissions, gate.admission("host/model")]).toEqual(["away", "ask", "ask"]);
  });

  test("again before long, however long the wait: an operator may have closed the breaker", () => {
    const { gate, runtime } = setup();

    gate.learn("host/model", { ...open, waitMs: 86_400_000 });
    runtime.advance(5_000);

    expect(gate.admission("host/model")).toBe("ask");
  });

  test("soon after it was full, and at once when a job of it ended here", () => {
    const { gate, runtime } = setup();
    const full = { ...closed, places: 0 };

    gate.learn("host/model", full);
    const admissions = [gate.admission("host/model")];
    gate.left("host/model");
    admissions.push(gate.admission("host/model"));
    gate.learn("host/model", full);
    runtime.advance(500);

    expect([...admissions, gate.admission("host/model")]).toEqual(["full", "ask", "ask"]);
  });
});

test("what is learned of a breaker is told once", () => {
  const { gate, told } = setup();
  const resource = "host/model";

  gate.learn(resource, closed);
  gate.learn(resource, open);
  gate.learn(resource, open);
  gate.learn(resource, { ...open, state: "half_open", jobs: [job] });
  gate.learn(resource, { ...open, waitMs: 8_000 });
  gate.learn(resource, { ...open, state: "half_open" });
  gate.learn(resource, closed);
  gate.learn(resource, closed);

  expect(told).toEqual([
    { name: "resource.opened", resource, code: "backend_unreachable", waitMs: 3_000 },
    { name: "resource.probed", resource, probe: "p" },
    { name: "resource.opened", resource, code: "backend_unreachable", waitMs: 8_000 },
    { name: "resource.closed", resource },
  ]);
});
