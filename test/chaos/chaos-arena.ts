import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient, migrate, type WorkerSettings } from "@leasehold/core";
import postgres from "postgres";

import { type Backlog, watchBacklog } from "./backlog.ts";
import { type ChaosServer, startChaosServer } from "./chaos-server.ts";
import chaosSql from "./chaos.sql" with { type: "text" };
import { type Evidence, readEvidence } from "./evidence.ts";
import { createFeeder, type Feeder } from "./feeder.ts";
import { type Crash, type Fleet, type FleetOptions, startFleet } from "./fleet.ts";
import { type History, openHistory } from "./history.ts";
import { chaosType } from "./pipeline.ts";

export interface ArenaOptions {
  readonly seed: number;
  /** Of the workers, over those that are usual here. */
  readonly settings?: Partial<WorkerSettings>;
  /** The programs of Postgres, where they are not those that come with the project. */
  readonly binFolder?: string;
  /** Whether all processes have the clock of the machine. Default: `true`. */
  readonly clocksAgree?: boolean;
  readonly environmentOf?: FleetOptions["environmentOf"];
}

/** A Postgres of its own, workers in processes of their own, and somebody who enqueues. */
export interface ChaosArena extends AsyncDisposable {
  readonly server: ChaosServer;
  readonly fleet: Fleet;
  readonly feeder: Feeder;
  readonly backlog: Backlog;
  readonly leaseMs: number;
  /** By `performance.now()`. */
  readonly openedAt: number;
  /** Of whoever brings disasters about. */
  readonly history: History;
  /** Ends of workers that nobody ordered. */
  crashes(): readonly Crash[];
  /** Everything that can be known, once the workers are gone. */
  readEvidence(): Promise<Evidence>;
}

const workers = 6;
const usualSettings = {
  concurrency: 4,
  leaseSeconds: 2.5,
  pollSeconds: 0.05,
  pollSecondsMax: 0.25,
  graceSeconds: 1,
  abandonSeconds: 1,
} as const;
const stallMs = 60_000;
/**
 * Three losses, the default, convict a job where workers die rarely. Here one dies every few hundred milliseconds: about
 * one job in thirteen loses its worker, and one in fifteen of those loses the next one, too. With three, every third run
 * of 1,000 jobs would convict somebody innocent; with six, one in ten thousand.
 */
const lossesMax = 6;
const dismissMs = 20_000;

/** Puts everything up that a run needs. Disposing leaves nothing behind. */
export async function openArena(options: ArenaOptions): Promise<ChaosArena> {
  const { clocksAgree = true } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await realpath(await mkdtemp(join(tmpdir(), "leasehold-chaos-")));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const dataDir = join(folder, "data");
  const server = stack.use(await startChaosServer({ dataDir, binFolder: options.binFolder }));
  const { url } = server;
  await migrate({ connection: url });
  await prepareDatabase(url);
  const client = stack.use(createClient({ connection: url }));
  const feeder = createFeeder(client);

  const histories = join(folder, "history");
  await mkdir(histories);
  const settings = { ...usualSettings, ...options.settings };
  const crashes: Crash[] = [];
  const fleet = stack.use(
    startFleet({
      size: workers,
      program: await bundleProgram(folder),
      seed: options.seed,
      orders: { url, folder: histories, settings },
      dismissMs,
      environmentOf: options.environmentOf,
      onCrash: (crash) => crashes.push(crash),
    }),
  );
  const all = stack.move();
  return {
    server,
    fleet,
    feeder,
    backlog: watchBacklog(client, stallMs),
    leaseMs: settings.leaseSeconds * 1_000,
    openedAt: performance.now(),
    history: openHistory(histories, "nemesis"),
    crashes: () => crashes,
    readEvidence: () =>
      readEvidence({ url, folder: histories, acknowledged: feeder.acknowledged(), clocksAgree }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Adds to an installed schema what the jobs need. */
export async function prepareDatabase(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  await sql.unsafe(chaosSql).simple();
  const hook = "public.chaos_hook(uuid, text, text, text, text, text, jsonb)";
  await sql`select leasehold.register_type(
    ${chaosType}, ${hook}::text::regprocedure, p_losses_max => ${lossesMax}::smallint)`;
  await sql.end();
}

/** A worker lives for a few seconds here: it should not spend them on reading a hundred files. */
async function bundleProgram(folder: string): Promise<string> {
  const program = join(import.meta.dirname, "worker-program.ts");
  await Bun.build({ entrypoints: [program], target: "bun", outdir: folder });
  return join(folder, "worker-program.js");
}
