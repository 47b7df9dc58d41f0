import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { createClient, migrate } from "@leasehold/core";

import { soakPipeline, type SoakSample } from "./support/soak-worker.ts";
import { spawnProgram } from "./support/spawned-program.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";
import { useThrowawayPostgres } from "./support/throwaway-postgres.ts";

const lifetimeMs = 1_500_000;
setDefaultTimeout(lifetimeMs + 60_000);

const server = useThrowawayPostgres();
const jobs = 100_000;
const jobsAtOnce = 1_000;
/** By then everything has been used, and the collector knows how much it needs. */
const warmUpJobs = 20_000;
/** At the beginning and at the end, the median of so many jobs counts: one figure depends on what was collected last. */
const windowJobs = 25_000;
const growthMax = 1.1;

async function enqueueJobs(url: string): Promise<void> {
  await using client = createClient({ connection: url });
  const text = "Ein kurzer Text. ".repeat(20);
  const inputs = Array.from({ length: jobsAtOnce }, () => ({ text }));
  for (let count = 0; count < jobs; count += jobsAtOnce) {
    await client.enqueueMany(soakPipeline, inputs);
  }
}

function residentMedian(samples: readonly SoakSample[]): number {
  const sorted = samples.map(({ residentBytes }) => residentBytes).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function toSamples(stdout: string): readonly SoakSample[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as SoakSample);
}

// What a process holds open is only seen through /proc.
const isBlind = process.platform !== "linux";
if (isBlind) process.stderr.write("skipped: open handles are only seen through /proc\n");
test.skipIf(isBlind)(
  "a worker that did 100,000 jobs holds what it held after the first",
  async () => {
    const url = await (await server()).createDatabase("soak");
    await migrate({ connection: url });
    await using folder = await createTemporaryDirectory();
    const program = join(import.meta.dirname, "support/soak-worker.ts");
    const startedAt = performance.now();

    await using worker = spawnProgram([program, url, String(jobs)], {
      cwd: folder.path,
      env: {},
      lifetimeMs,
    });
    await enqueueJobs(url);
    const end = await worker.ended;

    const seconds = (performance.now() - startedAt) / 1_000;
    expect(end).toMatchObject({ exitCode: 0, stderr: "" });
    const samples = toSamples(end.stdout).filter((sample) => sample.jobs >= warmUpJobs);
    const first = residentMedian(samples.filter((each) => each.jobs <= warmUpJobs + windowJobs));
    const last = residentMedian(samples.filter((each) => each.jobs >= jobs - windowJobs));
    const growth = last / first;
    process.stdout.write(
      `${end.stdout}${jobs} jobs in ${seconds.toFixed(0)} s; memory grew to ${growth.toFixed(3)} of what it was\n`,
    );
    expect(samples.at(-1)?.jobs).toBe(jobs);
    expect(growth).toBeLessThanOrEqual(growthMax);
    expect(new Set(samples.map(({ handles }) => handles)).size).toBe(1);
  },
);
