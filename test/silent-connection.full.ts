import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { type Client, createClient, migrate } from "@leasehold/core";

import { watchBacklog } from "./chaos/backlog.ts";
import { prepareDatabase } from "./chaos/chaos-arena.ts";
import { checkEvidence } from "./chaos/checker.ts";
import { readEvidence } from "./chaos/evidence.ts";
import { createFeeder, type Feeder } from "./chaos/feeder.ts";
import { type HistoryLine, readHistory } from "./chaos/history.ts";
import type { WorkerOrders } from "./chaos/worker-program.ts";
import { createFaultProxy, type FaultProxy } from "./support/fault-proxy.ts";
import { type SpawnedProgram, spawnProgram } from "./support/spawned-program.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";
import { useThrowawayPostgres } from "./support/throwaway-postgres.ts";

setDefaultTimeout(200_000);

const server = useThrowawayPostgres();

/** Longer than any silence here: no lease may lapse for it. */
const leaseSeconds = 40;
const settings = {
  concurrency: 4,
  leaseSeconds,
  renewSeconds: 1,
  pollSeconds: 0.1,
  pollSecondsMax: 0.5,
  graceSeconds: 1,
  abandonSeconds: 1,
} as const;
/** The product's own limits: how long a statement is waited for, and how often the leases are renewed. */
const statementMs = { renewal: 5_000, work: 10_000 } as const;
const renewMs = settings.renewSeconds * 1_000;
/** What a busy machine may add. */
const slackMs = 2_000;
/** One for renewals, one for hints, and one per slot and one more for work. */
const connectionsMax = 1 + 1 + settings.concurrency + 1;
const patienceMs = 60_000;

/** A worker in a process of its own, that reaches its Postgres through a network that can fall silent. */
interface Scene extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly proxy: FaultProxy;
  readonly client: Client;
  readonly feeder: Feeder;
  readonly worker: SpawnedProgram;
  /** The first thing of this kind that the worker told, at this moment or later. */
  told(this: void, fits: (line: HistoryLine) => boolean, since: number): Promise<HistoryLine>;
}

async function setup(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await createTemporaryDirectory());
  const url = await (await server()).createDatabase(`test_${crypto.randomUUID()}`);
  await migrate({ connection: url });
  await prepareDatabase(url);
  const client = stack.use(createClient({ connection: url }));
  const proxy = stack.use(await createFaultProxy({ url }));
  const orders: WorkerOrders = { url: proxy.url, folder, name: "worker", seed: 1, settings };
  const program = join(import.meta.dirname, "chaos/worker-program.ts");
  const worker = stack.use(
    spawnProgram([program, JSON.stringify(orders)], { cwd: folder, env: {} }),
  );
  const all = stack.move();
  return {
    url,
    folder,
    proxy,
    client,
    feeder: createFeeder(client),
    worker,
    async told(fits, since) {
      const late = AbortSignal.timeout(patienceMs);
      for (;;) {
        const line = (await readHistory(folder)).find((each) => each.at >= since && fits(each));
        if (line !== undefined) return line;
        late.throwIfAborted();
        await Bun.sleep(20);
      }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Silences the network while jobs are at work, and answers when that was. */
async function fallSilent({ proxy, feeder, told }: Scene): Promise<number> {
  const since = Date.now();
  await feeder.feedTo(feeder.acknowledged().length + 12);
  await told(({ name }) => name === "part.begun", since);
  proxy.setMode("black-hole");
  return Date.now();
}

test("a silence is noticed in time, round after round, and exhausts no pool of connections", async () => {
  await using scene = await setup();
  const { proxy, told, client } = scene;
  const unanswered = (line: HistoryLine, isRenewal: boolean): boolean =>
    line.name === "database.failed" && (line.operation === "renew_leases") === isRenewal;
  const noticed: { readonly renewal: number; readonly work: number }[] = [];

  for (let round = 0; round < 3; round += 1) {
    const since = await fallSilent(scene);
    const renewal = await told((line) => unanswered(line, true), since);
    const work = await told((line) => unanswered(line, false), since);
    noticed.push({ renewal: renewal.at - since, work: work.at - since });
    proxy.setMode("pass");
    expect(await watchBacklog(client, patienceMs).shrinkTo(0)).toBe(true);
    await shrinkConnections(proxy);
  }

  scene.worker.signal("SIGTERM");
  const end = await scene.worker.ended;
  const { url, folder, feeder } = scene;
  const verdict = checkEvidence(
    await readEvidence({ url, folder, acknowledged: feeder.acknowledged() }),
  );
  process.stdout.write(`silences were noticed after (ms) ${JSON.stringify(noticed)}\n`);
  const slowest = (kind: "renewal" | "work"): number =>
    Math.max(...noticed.map((each) => each[kind]));
  expect(slowest("renewal")).toBeLessThan(renewMs + statementMs.renewal + slackMs);
  expect(slowest("work")).toBeLessThan(statementMs.work + slackMs);
  expect(verdict).toMatchObject({ completed: 36, dead: 0, losses: [], violations: [] });
  expect(end).toMatchObject({ exitCode: 0, stderr: "" });
});

/** Connections that were given up close when nothing more is expected of them, which takes no longer than a statement. */
async function shrinkConnections(proxy: Scene["proxy"]): Promise<void> {
  const late = AbortSignal.timeout(statementMs.work + slackMs);
  while (proxy.countOpen() > connectionsMax) {
    late.throwIfAborted();
    await Bun.sleep(20);
  }
}

/** How long a worker takes to go in a silence, when it is told to as soon as that has begun. */
async function dismissInSilence(scene: Scene): Promise<number> {
  await fallSilent(scene);
  const toldAt = performance.now();
  scene.worker.signal("SIGTERM");
  expect(await scene.worker.ended).toMatchObject({ exitCode: 0, stderr: "" });
  const ms = Math.round(performance.now() - toldAt);
  process.stdout.write(`the worker went after ${ms} ms in the silence\n`);
  return ms;
}

test("a worker that is told to stop in a silence goes a second after its grace period", async () => {
  await using scene = await setup();

  expect(await dismissInSilence(scene)).toBeLessThan((settings.graceSeconds + 1) * 1_000);
});
