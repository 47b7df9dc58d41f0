import { afterAll, beforeAll, expect, test } from "bun:test";

import { contenders } from "../contenders/contenders.ts";
import { measureDrain } from "../measure/drain.ts";
import { type Lab, openLab } from "../measure/lab.ts";

const patienceMs = 60_000;

let lab: Lab;

beforeAll(async () => {
  lab = await openLab({ durability: "none" });
}, patienceMs);

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
}, patienceMs);

// The drain itself refuses a job that ran twice or not at all, and waits until the database says that nothing is left.
test.each(contenders.map((contender) => [contender.name, contender] as const))(
  "%s completes each job once, and is measured",
  async (_, contender) => {
    const metrics = await measureDrain(lab, {
      contender,
      jobs: 200,
      processes: 2,
      payloadBytes: 400,
    });

    expect(metrics["jobs_per_second"]).toBeGreaterThan(0);
    expect(metrics["server_cpu_s_per_1k"]).toBeGreaterThan(0);
    expect(metrics["client_cpu_s_per_1k"]).toBeGreaterThan(0);
    expect(metrics["wal_bytes_life"]).toBeGreaterThan(metrics["wal_bytes_drain"] ?? Infinity);
    expect(metrics["table_mb"]).toBeGreaterThan(0);
  },
  patienceMs,
);
