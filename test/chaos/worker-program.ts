// A worker for a chaos run. It is killed, stopped and cut off from its database, and writes down what it does.
import {
  createWorker,
  type Worker,
  WorkerError,
  type WorkerEvent,
  type WorkerOptions,
} from "@leasehold/core";

import { createRandom } from "../simulation/world/random.ts";
import { type History, type HistoryLine, openHistory } from "./history.ts";
import { createChaosPipeline } from "./pipeline.ts";

/** What the program is told, as JSON in its only argument. */
export interface WorkerOrders {
  readonly url: string;
  readonly name: string;
  /** Where the histories are. */
  readonly folder: string;
  readonly seed: number;
  readonly settings: Omit<WorkerOptions, "connection" | "pipelines" | "name">;
  /** The process kills itself when it has written such a line. */
  readonly killAt?: KillPoint;
}

/** A point in the life of a job, as the history tells it. */
export type KillPoint = Pick<HistoryLine, "name" | "phase" | "part">;

/** Told too often to be worth a line each. */
const untold: readonly WorkerEvent["name"][] = ["lease.renewed", "phase.progressed"];
const startPauseMs = 100;

async function main({ url, seed, ...orders }: WorkerOrders): Promise<void> {
  const { name, settings } = orders;
  const history = openDeadlyHistory(orders);
  const pipeline = createChaosPipeline({ history, random: createRandom(seed, "work") });
  const told = Promise.withResolvers<"SIGTERM">();
  process.on("SIGTERM", () => told.resolve("SIGTERM"));
  const worker = createWorker({ ...settings, connection: url, name, pipelines: [pipeline] });
  worker.subscribe((event) => {
    if (!untold.includes(event.name)) history.write(event);
  });

  await Promise.race([startAtLast(worker), told.promise]);
  await told.promise;
  await worker.stop();
}

/** Postgres may be down just now: the worker is asked again until it starts. */
async function startAtLast(worker: Worker): Promise<void> {
  for (;;) {
    try {
      await worker.start();
      return;
    } catch (error) {
      if (!WorkerError.is(error, "database_unavailable")) throw error;
    }
    await Bun.sleep(startPauseMs);
  }
}

function openDeadlyHistory({ folder, name, killAt }: Omit<WorkerOrders, "url" | "seed">): History {
  const history = openHistory(folder, name);
  return {
    write(line) {
      history.write(line);
      if (killAt !== undefined && isAt(killAt, line)) process.kill(process.pid, "SIGKILL");
    },
  };
}

function isAt(point: KillPoint, line: Partial<KillPoint>): boolean {
  const { name, phase = line.phase, part = line.part } = point;
  return line.name === name && line.phase === phase && line.part === part;
}

if (import.meta.main) {
  await main(JSON.parse(process.argv[2] ?? "") as WorkerOrders);
  process.exit(0);
}
