import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { createClient, createWorker } from "@leasehold/core";
import { createTestDatabase, drain, type TestDatabase } from "@leasehold/core/testing";

import { prepareDatabase } from "./chaos/chaos-arena.ts";
import { checkEvidence } from "./chaos/checker.ts";
import { type Evidence, readEvidence } from "./chaos/evidence.ts";
import { createFeeder } from "./chaos/feeder.ts";
import { openHistory } from "./chaos/history.ts";
import { createChaosPipeline } from "./chaos/pipeline.ts";
import type { KillPoint, WorkerOrders } from "./chaos/worker-program.ts";
import { createRandom } from "./simulation/world/random.ts";
import { spawnProgram } from "./support/spawned-program.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";
import { useThrowawayPostgres } from "./support/throwaway-postgres.ts";

setDefaultTimeout(600_000);

const server = useThrowawayPostgres();

/** A database for chaos jobs with a clock that the test can move, and a folder for histories. */
interface Scene extends AsyncDisposable {
  readonly url: string;
  readonly database: TestDatabase;
  readonly folder: string;
}

async function setup(): Promise<Scene> {
  const url = await (await server()).createDatabase(`test_${crypto.randomUUID()}`);
  const database = await createTestDatabase({ connection: url, schema: "leasehold" });
  await prepareDatabase(url);
  const folder = await createTemporaryDirectory();
  return {
    url,
    database,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const leaseSeconds = 60;
const settings = { concurrency: 1, leaseSeconds, pollSeconds: 0.05, pollSecondsMax: 0.2 };
const program = join(import.meta.dirname, "chaos/worker-program.ts");
const victims = 20;
const atOnce = 4;

/** Starts workers until each of the jobs has had one, and each of the workers was killed by its own hand. */
async function killWorkers({ url, folder }: Scene, killAt: KillPoint): Promise<void> {
  const numbers = Array.from({ length: victims }, (_, index) => index);
  const killNext = async (): Promise<void> => {
    for (let seed = numbers.pop(); seed !== undefined; seed = numbers.pop()) {
      const name = `victim-${seed}`;
      const orders: WorkerOrders = { url, folder, name, seed, settings, killAt };
      const victim = spawnProgram([program, JSON.stringify(orders)], { cwd: folder, env: {} });
      expect(await victim.ended).toMatchObject({ signal: "SIGKILL", stderr: "" });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, killNext));
}

/** Lets the leases of the dead run out, and a worker finish what they left. */
async function finishJobs({ url, folder, database }: Scene): Promise<void> {
  const history = openHistory(folder, "heir");
  const pipeline = createChaosPipeline({ history, random: createRandom(1, "work") });
  await using heir = createWorker({
    ...settings,
    connection: url,
    // Leases are looked at every sixth of their length.
    leaseSeconds: 3,
    name: "heir",
    pipelines: [pipeline],
  });
  await database.advance(leaseSeconds * 1_000);
  await heir.start();
  await drain(database, { timeoutMs: 120_000 });
}

interface Point {
  readonly name: string;
  readonly killAt: KillPoint;
  /** Starts of each phase, over all jobs. */
  readonly starts: { readonly prepare: number; readonly finish: number };
}

const once = victims;
const twice = 2 * victims;

const points: readonly Point[] = [
  {
    name: "after the claim",
    killAt: { name: "job.claimed" },
    starts: { prepare: twice, finish: once },
  },
  {
    name: "in the middle of the first phase",
    killAt: { name: "part.begun", part: 2 },
    starts: { prepare: twice, finish: once },
  },
  {
    name: "before a part is saved",
    killAt: { name: "part.done", part: 2 },
    starts: { prepare: twice, finish: once },
  },
  {
    name: "after a part was saved",
    killAt: { name: "part.saved", part: 2 },
    starts: { prepare: twice, finish: once },
  },
  {
    name: "after the effect was committed",
    killAt: { name: "effect.committed" },
    starts: { prepare: twice, finish: once },
  },
  {
    name: "before the checkpoint",
    killAt: { name: "work.done", phase: "prepare" },
    starts: { prepare: twice, finish: once },
  },
  {
    name: "after the checkpoint",
    killAt: { name: "phase.completed", phase: "prepare" },
    starts: { prepare: once, finish: twice },
  },
  {
    name: "in the middle of the second phase",
    killAt: { name: "work.begun", phase: "finish" },
    starts: { prepare: once, finish: twice },
  },
  {
    name: "before the completion",
    killAt: { name: "work.done", phase: "finish" },
    starts: { prepare: once, finish: twice },
  },
  {
    name: "after the completion",
    killAt: { name: "job.completed" },
    starts: { prepare: once, finish: once },
  },
];

describe("a worker that is killed", () => {
  test.each(points)("$name costs nothing but what was not yet saved", async (point) => {
    await using scene = await setup();
    await using client = createClient({ connection: scene.url });
    const feeder = createFeeder(client);
    await feeder.feedTo(victims);

    await killWorkers(scene, point.killAt);
    await finishJobs(scene);

    const { url, folder } = scene;
    const evidence = await readEvidence({ url, folder, acknowledged: feeder.acknowledged() });
    const verdict = checkEvidence(evidence);
    const unharmed = { completed: victims, double: 0, rerunsOfCheckpointed: 0, violations: [] };
    expect(verdict).toMatchObject(unharmed);
    if (point.killAt.name === "job.completed") {
      // The next job may have begun while the last one was written down: it is that one's start.
      expect(countStarts(evidence).finish).toBe(point.starts.finish);
      return;
    }
    expect(verdict.losses).toEqual([victims]);
    expect(countStarts(evidence)).toEqual(point.starts);
  });
});

function countStarts({ attempts }: Evidence): Point["starts"] {
  const count = (name: string): number => attempts.filter(({ phase }) => phase === name).length;
  return { prepare: count("prepare"), finish: count("finish") };
}
