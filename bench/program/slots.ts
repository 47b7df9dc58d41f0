import { createClient, createWorker, definePipeline } from "@leasehold/core";
import { z } from "zod";

import { nowMs, pause } from "../measure/clock.ts";
import { toSeconds } from "./enqueuing.ts";
import type { Ask, SlotsTally } from "./messages.ts";

/** Runs a worker whose jobs wait for something slow twice, as those that call models do, while jobs arrive evenly. */
export async function runSlots(ask: Extract<Ask, { ask: "slots" }>): Promise<SlotsTally> {
  const waitsMs: number[] = [];
  const done = new Set<string>();
  const slowPhase = (name: string, onStart: (calledAt: number) => void) => ({
    name,
    output: z.null(),
    async run({ input }: { readonly input: { readonly calledAt: number } }) {
      onStart(input.calledAt);
      await pause(ask.phaseMs);
      return { output: null, provenance: {} };
    },
  });
  const pipeline = definePipeline({
    type: "bench",
    version: 1,
    input: z.object({ calledAt: z.number() }),
    phases: [
      slowPhase("look", (calledAt) => waitsMs.push(nowMs() - calledAt)),
      slowPhase("answer", () => undefined),
    ],
  });
  await using client = createClient({ connection: ask.url });
  await using worker = createWorker({
    connection: ask.url,
    pipelines: [pipeline],
    concurrency: ask.slots,
  });
  worker.subscribe((event) => {
    if (event.name === "job.completed") done.add(event.jobId);
  });
  await worker.start();

  const cpuBefore = process.cpuUsage();
  const jobs = Math.round(ask.seconds * ask.jobsPerSecond);
  const startedAt = nowMs();
  for (let n = 0; n < jobs; n += 1) {
    await pause(Math.max(0, startedAt + (n / ask.jobsPerSecond) * 1_000 - nowMs()));
    await client.enqueue(pipeline, { calledAt: nowMs() });
  }
  while (done.size < jobs) await pause(10);
  return { waitsMs, cpuSeconds: toSeconds(process.cpuUsage(cpuBefore)) };
}
