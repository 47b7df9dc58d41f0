import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { migrate } from "@leasehold/core";
import postgres from "postgres";

import { runCommand } from "../scripts/run-command.ts";
import { setupFrozenCore } from "./support/frozen-core.ts";
import {
  type Cost,
  jobsPerLife,
  lives,
  openPlainQueue,
  type PlainQueue,
  type PlainQueueOptions,
} from "./support/plain-cost.ts";
import { useThrowawayPostgres } from "./support/throwaway-postgres.ts";

// What a job pays for everything that it does not use: the schema as it was when its first migration was frozen, against
// this one, by turns on one server.

setDefaultTimeout(600_000);

const server = useThrowawayPostgres();
const countedRounds = 1;
const timedRounds = 3;
/** Of write-ahead log and of buffers. */
const growthMax = 0.05;

interface Subject extends AsyncDisposable {
  readonly frozen: PlainQueue;
  readonly present: PlainQueue;
}

async function setup(): Promise<Subject> {
  const postgresServer = await server();
  // What others write would be on our bill.
  const admin = postgres(postgresServer.adminUrl, { max: 1, onnotice: () => undefined });
  await admin`alter system set autovacuum = off`;
  await admin`select pg_reload_conf()`;
  await admin.end();
  const [old, present] = [
    await postgresServer.createDatabase("frozen"),
    await postgresServer.createDatabase("present"),
  ];
  await migrateFrozen(old);
  await migrate({ connection: present });
  const open = (options: PlainQueueOptions): Promise<PlainQueue> => openPlainQueue(options);
  await using opened = new AsyncDisposableStack();
  const subject = {
    frozen: opened.use(await open({ url: old, claim: "claim_jobs", renew: "renew_leases" })),
    present: opened.use(
      await open({ url: present, claim: "claim_jobs_v2", renew: "renew_leases_v2" }),
    ),
  };
  const moved = opened.move();
  return { ...subject, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

async function migrateFrozen(url: string): Promise<void> {
  await using frozen = await setupFrozenCore("migrate-program.ts");
  const command = [process.execPath, join(frozen.path, "migrate-program.ts"), url] as const;
  const { ok, output } = await runCommand(command, { cwd: frozen.path, timeoutMs: 60_000 });
  if (!ok) throw new Error(output);
}

/** What each step took, and what each life did in all. */
type Totals = ReadonlyMap<string, Cost>;

function addUp(counted: readonly Totals[], timed: readonly Totals[]): Totals {
  const names = [...(counted[0]?.keys() ?? [])];
  const steps = new Map(
    names.map((name) => {
      const buffers = counted.map((round) => round.get(name)?.buffers ?? Number.NaN);
      const times = timed.map((round) => round.get(name)?.cpuMs ?? Number.NaN);
      const bytes = timed.map((round) => round.get(name)?.walBytes ?? Number.NaN);
      return [
        name,
        { buffers: mean(buffers), walBytes: mean(bytes), cpuMs: Math.min(...times) },
      ] as const;
    }),
  );
  const inAll = Object.keys(lives).map((life) => {
    const costs = [...steps]
      .filter(([name]) => name.startsWith(`${life}:`))
      .map(([, cost]) => cost);
    return [life, sumOf(costs)] as const;
  });
  return new Map([...steps, ...inAll]);
}

function sumOf(costs: readonly Cost[]): Cost {
  const sum = (kind: keyof Cost): number =>
    costs.reduce((total, cost) => total + (cost[kind] ?? Number.NaN), 0);
  return { walBytes: sum("walBytes"), buffers: sum("buffers"), cpuMs: sum("cpuMs") };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const kinds = ["walBytes", "buffers", "cpuMs"] as const;

function growthOf(before: Cost | undefined, after: Cost | undefined, kind: keyof Cost): number {
  return (after?.[kind] ?? Number.NaN) / (before?.[kind] ?? Number.NaN) - 1;
}

function print(frozen: Totals, present: Totals): void {
  const percent = (growth: number): string =>
    `${growth < 0 ? "" : "+"}${(growth * 100).toFixed(1)} %`;
  const lines = [...frozen.keys()].map((name) =>
    [
      name.padEnd(20),
      ...kinds.map((kind) => {
        const [before, after] = [frozen.get(name), present.get(name)];
        const figures = [before, after].map((cost) => (cost?.[kind] ?? Number.NaN).toFixed(0));
        return `${figures.join(" → ")} (${percent(growthOf(before, after, kind))})`.padEnd(30);
      }),
    ].join(" "),
  );
  const head =
    `per ${jobsPerLife} jobs`.padEnd(21) +
    ["WAL bytes", "buffers", "CPU ms"].map((kind) => kind.padEnd(30)).join(" ");
  process.stdout.write(`${[head, ...lines].join("\n")}\n`);
}

test("a job that uses none of it pays at most a twentieth for everything that came since", async () => {
  await using subject = await setup();
  // Catalogues are read and plans are made in the first round.
  await subject.frozen.play("counted");
  await subject.present.play("counted");
  const rounds = { frozen: { counted: [], timed: [] }, present: { counted: [], timed: [] } } as {
    readonly [name in "frozen" | "present"]: { readonly [mode in "counted" | "timed"]: Totals[] };
  };

  for (let round = 0; round < countedRounds + timedRounds; round += 1) {
    const mode = round < countedRounds ? "counted" : "timed";
    rounds.frozen[mode].push(await subject.frozen.play(mode));
    rounds.present[mode].push(await subject.present.play(mode));
  }

  const frozen = addUp(rounds.frozen.counted, rounds.frozen.timed);
  const present = addUp(rounds.present.counted, rounds.present.timed);
  print(frozen, present);
  const grown = Object.keys(lives).flatMap((life) =>
    (["walBytes", "buffers"] as const)
      .map((kind) => ({ life, kind, growth: growthOf(frozen.get(life), present.get(life), kind) }))
      .filter(({ growth }) => !(growth <= growthMax)),
  );
  expect(grown).toEqual([]);
});
