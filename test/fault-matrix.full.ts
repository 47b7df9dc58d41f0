import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { clientScenarios } from "./support/fault-matrix/client-scenarios.ts";
import { cronScenarios } from "./support/fault-matrix/cron-scenarios.ts";
import { jobScenarios } from "./support/fault-matrix/job-scenarios.ts";
import { learningScenarios } from "./support/fault-matrix/learning-scenarios.ts";
import { lookingScenarios } from "./support/fault-matrix/looking-scenarios.ts";
import {
  atMost,
  essayOf,
  type MatrixBench,
  patienceMs,
  resultOf,
  setupMatrixBench,
  slackMs,
  statementMs,
  waitForEnd,
} from "./support/fault-matrix/matrix-bench.ts";
import { resourceScenarios } from "./support/fault-matrix/resource-scenarios.ts";
import type { Scenario } from "./support/fault-matrix/scenario.ts";
import { structureScenarios } from "./support/fault-matrix/structure-scenarios.ts";
import { workerScenarios } from "./support/fault-matrix/worker-scenarios.ts";
import { faultKinds } from "./support/fault-plan.ts";
import { useThrowawayPostgres } from "./support/throwaway-postgres.ts";

setDefaultTimeout(180_000);

const server = useThrowawayPostgres();
/** By package, since two of them may have statements of one name. */
const packages: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  core: {
    ...jobScenarios,
    ...workerScenarios,
    ...clientScenarios,
    ...structureScenarios,
    ...resourceScenarios,
    ...lookingScenarios,
  },
  cron: cronScenarios,
  learning: learningScenarios,
};

let database: Promise<string> | undefined;
const databaseUrl = (): Promise<string> =>
  (database ??= server().then((started) => started.createDatabase("matrix")));
let ownDatabases = 0;
const urlFor = async ({ needsDatabase = false }: Scenario): Promise<string> =>
  needsDatabase
    ? await (await server()).createDatabase(`matrix_${(ownDatabases += 1)}`)
    : await databaseUrl();

/** The statements of a package's source: wherever one is defined, and by whatever name its file goes. */
async function listStatements(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".ts"));
  const sources = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return sources
    .filter((source) => /\bRoutine\b|\bdefineRoutine\b/.test(source))
    .flatMap((source) => [
      ...source.matchAll(/(?:\bdefineRoutine(?:<.*?>)?\(\s*|\bname: )"(\w+)"/gs),
    ])
    .flatMap(([, name]) => name ?? []);
}

test("every statement of the SDK is in the matrix", async () => {
  const root = join(import.meta.dirname, "../packages");
  const names = (await readdir(root)).toSorted();
  const found = await Promise.all(
    names.map(async (name) => [name, await listStatements(join(root, name, "src"))] as const),
  );

  const defined = found.filter(([, statements]) => statements.length > 0);

  // No statement goes by without being found: a definition that is written in another way shows here.
  expect(defined.map(([name]) => name)).toEqual(Object.keys(packages));
  const missing = defined.flatMap(([name, statements]) =>
    statements.filter((statement) => packages[name]?.[statement] === undefined),
  );
  expect(missing).toEqual([]);
});

// A statement that hangs is waited for, so the scenarios do their waiting together.
const rows = Object.entries(packages).flatMap(([name, scenarios]) =>
  Object.entries(scenarios).map(
    ([statement, scenario]) => [`${name}: ${statement}`, scenario] as const,
  ),
);
describe.concurrent.each(rows)("%s", (_, scenario) => {
  test.each(faultKinds)("%s", async (kind) => {
    await using bench = await setupMatrixBench(await urlFor(scenario), scenario.bundles);

    await scenario.play(bench, kind);
  });
});

describe("behind a network that is dead but does not say so", () => {
  test("a worker notices, keeps its leases, and needs no new pool of connections for it", async () => {
    await using bench = await setupMatrixBench(await databaseUrl());
    const gate = Promise.withResolvers<void>();
    const essay = essayOf({
      async draft() {
        await gate.promise;
        return resultOf("draft");
      },
      grade: async () => resultOf("grade"),
    });
    const { worker, recorder } = bench.addWorker(essay, { concurrency: 5, renewSeconds: 1 });
    await worker.start();
    const ids = await enqueueEssays(bench, essay, 4);
    await recorder.waitFor(() => worker.inFlight() === 4);

    bench.proxy.setMode("black-hole");
    const wentSilentAt = performance.now();
    // Their results are sent into the silence.
    gate.resolve();
    const unheard = (operation: string): Promise<unknown> =>
      recorder.waitFor(
        (event) => event.name === "database.failed" && event.operation === operation,
        { timeoutMs: patienceMs },
      );
    await atMost(statementMs.renewal + slackMs, "a renewal to fail", unheard("renew_leases"));
    bench.proxy.setMode("pass");
    const leftMs = (): number => statementMs.work + slackMs - (performance.now() - wentSilentAt);
    await atMost(leftMs(), "a claim to fail", unheard("claim_jobs"));
    await atMost(leftMs(), "the results", unheard("settle"));
    const more = await enqueueEssays(bench, essay, 8);

    for (const id of [...ids, ...more]) {
      expect(await waitForEnd(bench, id)).toMatchObject({
        state: "completed",
        failures: 0,
        losses: 0,
        outages: 0,
      });
    }
    // One for renewals, one for hints, and one per slot of four and one more for work.
    expect(bench.proxy.countOpen()).toBeLessThanOrEqual(7);
  });

  test("a worker stops within its grace period and its farewell", async () => {
    await using bench = await setupMatrixBench(await databaseUrl());
    const essay = essayOf({
      draft: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
      grade: async () => resultOf("grade"),
    });
    const settings = { concurrency: 2, graceSeconds: 1, abandonSeconds: 1 };
    const { worker, recorder } = bench.addWorker(essay, settings);
    await worker.start();
    await enqueueEssays(bench, essay, 1);
    await recorder.waitFor("phase.started");
    // So that a claim is on its way, and will not be answered.
    await bench.proxy.arm({ statement: /claim_jobs/, kind: "hang-after" }).struck;

    bench.proxy.setMode("black-hole");
    const stoppedAt = performance.now();
    await worker.stop();

    const seconds = (performance.now() - stoppedAt) / 1_000;
    process.stdout.write(`stopped after ${seconds.toFixed(2)} s in the silence\n`);
    // The farewell is 3 s; closing what does not answer takes 1 s, and a machine may be busy.
    expect(seconds).toBeLessThan(settings.graceSeconds + settings.abandonSeconds + 3 + 1 + 1);
    expect(worker.state()).toBe("stopped");
  });
});

async function enqueueEssays(
  { observer }: MatrixBench,
  essay: ReturnType<typeof essayOf>,
  count: number,
): Promise<readonly string[]> {
  const answers = await observer.enqueueMany(
    essay,
    Array.from({ length: count }, () => ({})),
  );
  return answers.map(({ id }) => id);
}
