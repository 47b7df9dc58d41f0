import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { createClient, migrate } from "@leasehold/core";

import { soakPipeline, type SoakSample } from "./support/soak-worker.ts";
import { type ProgramEnd, spawnProgram } from "./support/spawned-program.ts";
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

/** What one worker held over all of the jobs. */
interface Soak {
  readonly seconds: number;
  readonly end: ProgramEnd;
  /** After the warm-up. */
  readonly samples: readonly SoakSample[];
}

let soaked: Promise<Soak> | undefined;
const soak = (): Promise<Soak> => (soaked ??= runSoak());

async function runSoak(): Promise<Soak> {
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
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  return { seconds, end, samples: toSamples(end.stdout) };
}

function toSamples(stdout: string): readonly SoakSample[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as SoakSample)
    .filter((sample) => sample.jobs >= warmUpJobs);
}

/** How many times as much it was at the end as after the warm-up. */
function growthOf(samples: readonly SoakSample[], field: "residentBytes" | "heapBytes"): number {
  const median = (window: readonly SoakSample[]): number => {
    const sorted = window.map((sample) => sample[field]).toSorted((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  const first = median(samples.filter((sample) => sample.jobs <= warmUpJobs + windowJobs));
  const last = median(samples.filter((sample) => sample.jobs >= jobs - windowJobs));
  return last / first;
}

// What a process holds open is only seen through /proc.
const isBlind = process.platform !== "linux";
if (isBlind) process.stderr.write("skipped: open handles are only seen through /proc\n");
const testSoak = isBlind ? test.skip : test;

testSoak("a worker that did 100,000 jobs holds as many handles as after the first", async () => {
  const { seconds, end, samples } = await soak();

  process.stdout.write(`${end.stdout}${jobs} jobs in ${seconds} s\n`);
  expect(end).toMatchObject({ exitCode: 0, stderr: "" });
  expect(samples.at(-1)?.jobs).toBe(jobs);
  expect(new Set(samples.map(({ handles }) => handles)).size).toBe(1);
});

testSoak("a worker that did 100,000 jobs holds no more memory than after the first", async () => {
  const { samples } = await soak();

  const resident = growthOf(samples, "residentBytes");
  const heap = growthOf(samples, "heapBytes");
  process.stdout.write(
    `resident memory grew to ${resident.toFixed(3)} of what it was, the heap to ${heap.toFixed(3)}\n`,
  );
  expect(Math.max(resident, heap)).toBeLessThanOrEqual(growthMax);
});
