import { expect, test } from "bun:test";

import { toUnknownReport } from "../src/health-report.ts";
import type { HealthReport } from "../src/index.ts";
import { createSharedProbe, probesUnsettledMax } from "../src/shared-probe.ts";
import { degraded, hang, healthy } from "./setup.ts";

interface Bench {
  readonly ask: () => Promise<HealthReport>;
  readonly probeCount: () => number;
  advance(ms: number): void;
}

function setup(probe: (signal: AbortSignal, run: number) => Promise<HealthReport>): Bench {
  let now = 0;
  let runs = 0;
  return {
    ask: createSharedProbe({
      probe: (signal) => {
        runs += 1;
        return probe(signal, runs);
      },
      without: toUnknownReport,
      timeoutMs: 20,
      cacheMs: 1000,
      now: () => now,
    }),
    probeCount: () => runs,
    advance: (ms) => {
      now += ms;
    },
  };
}

test("asks again only when a report has become old", async () => {
  const bench = setup(async (_, run) => (run === 1 ? healthy : degraded));
  const first = await bench.ask();

  bench.advance(999);
  const cached = await bench.ask();
  bench.advance(1);
  const fresh = await bench.ask();

  expect([first, cached, fresh]).toEqual([healthy, healthy, degraded]);
  expect(bench.probeCount()).toBe(2);
});

test("counts the age of a report from the end of its probe", async () => {
  const release = Promise.withResolvers<HealthReport>();
  const bench = setup(() => release.promise);
  const asked = bench.ask();

  bench.advance(5000);
  release.resolve(healthy);
  await asked;
  await bench.ask();

  expect(bench.probeCount()).toBe(1);
});

test("keeps a failure as long as a success, so that a sick database is not asked more", async () => {
  const bench = setup((_, run) =>
    run === 1 ? Promise.reject(new Error("down")) : Promise.resolve(healthy),
  );

  const failed = await bench.ask();
  const cached = await bench.ask();
  bench.advance(1000);
  const recovered = await bench.ask();

  expect([failed.status, cached.status, recovered.status]).toEqual([
    "degraded",
    "degraded",
    "healthy",
  ]);
});

test("shares one run among all who ask while it runs", async () => {
  const release = Promise.withResolvers<HealthReport>();
  const bench = setup(() => release.promise);

  const asked = Array.from({ length: 100 }, () => bench.ask());
  release.resolve(healthy);

  expect(await Promise.all(asked)).toEqual(Array(100).fill(healthy));
  expect(bench.probeCount()).toBe(1);
});

test("starts no further probe while too many ignore their signal, and goes on when one ends", async () => {
  const stuck = Promise.withResolvers<HealthReport>();
  const bench = setup((_, run) => {
    if (run === 1) return stuck.promise;
    return run <= probesUnsettledMax ? hang() : Promise.resolve(healthy);
  });
  const askLater = (): Promise<HealthReport> => {
    bench.advance(1000);
    return bench.ask();
  };

  for (let index = 0; index < probesUnsettledMax + 2; index += 1) {
    expect((await askLater()).checks[0]?.detail).toBe("probe_timeout");
  }
  expect(bench.probeCount()).toBe(probesUnsettledMax);
  stuck.resolve(healthy);
  await stuck.promise;

  expect(await askLater()).toEqual(healthy);
});

test("tells a timeout from a failure although the abort makes the probe fail", async () => {
  const bench = setup((signal) => hang(signal));

  const report = await bench.ask();

  expect(report.checks[0]?.detail).toBe("probe_timeout");
});
