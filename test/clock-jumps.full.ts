import { expect, setDefaultTimeout, test } from "bun:test";

import { type ChaosArena, openArena } from "./chaos/chaos-arena.ts";
import { judge } from "./chaos/chaos-run.ts";
import { expectSurvival, printReport } from "./chaos/ordeal.ts";
import {
  createFakeTimePostgres,
  type FakeTimePostgres,
  findFakeTimeLibrary,
  wrongClock,
} from "./support/fake-time.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";

setDefaultTimeout(400_000);

const library = await findFakeTimeLibrary();
const isMissing = library === undefined;
if (isMissing) process.stderr.write("skipped: libfaketime is not installed\n");
const testClock = isMissing ? test.skip : test;

const hourSeconds = 3_600;
/** More jobs than can be in the hands of workers at a time. */
const heldMax = 30;
/** Of the workers, in turn. */
const workerClocks = [-hourSeconds, 0, hourSeconds];

interface Scene extends AsyncDisposable {
  readonly arena: ChaosArena;
  readonly postgres: FakeTimePostgres;
}

async function setup(): Promise<Scene> {
  if (library === undefined) throw new Error("libfaketime is not installed.");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await createTemporaryDirectory());
  const postgres = stack.use(await createFakeTimePostgres(folder.path, library));
  const arena = stack.use(
    await openArena({
      seed: 1,
      binFolder: postgres.binFolder,
      clocksAgree: false,
      environmentOf: (number) =>
        wrongClock(library, workerClocks[number % workerClocks.length] ?? 0),
    }),
  );
  const all = stack.move();
  return { arena, postgres, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Of a lease: long enough for a jump to make it lapse, and so short that by his own clock its holder still has it. */
const napLeases = 0.4;

/**
 * Moves the clock while workers work. One of them is killed, and his leases are of another time. Others sleep through
 * the jump, and come back to jobs that somebody else may have by then.
 */
async function jump({ arena, postgres }: Scene, seconds: number): Promise<void> {
  const { fleet, leaseMs } = arena;
  const [victim, ...others] = fleet.workers();
  if (victim !== undefined) fleet.kill(victim);
  for (const worker of others.slice(0, 3)) fleet.pause(worker, leaseMs * napLeases);
  await postgres.moveClock(seconds);
}

/** How far the moments in which attempts began are from the clock of this machine, in hours. */
function hoursOff(startedAt: readonly number[]): readonly [least: number, most: number] {
  const hours = startedAt.map((us) => (us / 1_000 - Date.now()) / 1_000 / hourSeconds);
  return [Math.min(...hours), Math.max(...hours)];
}

testClock(
  "a clock that jumps back three hours and ahead by five, over and over, loses nothing and doubles nothing",
  async () => {
    await using scene = await setup();
    const { arena } = scene;
    const { feeder, backlog } = arena;
    await feeder.feedTo(600);
    await backlog.shrinkTo(400);

    for (const left of [400, 300, 200]) {
      await jump(scene, -3 * hourSeconds);
      // What was enqueued before the jump may wait for its time; what comes after it must not.
      await feeder.feedTo(feeder.acknowledged().length + 100);
      expect(await backlog.shrinkTo(left + heldMax)).toBe(true);
      await jump(scene, 2 * hourSeconds);
      expect(await backlog.shrinkTo(left - 100)).toBe(true);
    }
    const report = await judge(arena);

    printReport(report);
    expectSurvival(report);
    // The clocks were wrong indeed: that of Postgres, and those of the workers.
    const { attempts, history } = report.evidence;
    const [least, most] = hoursOff(attempts.map(({ startedAt }) => startedAt));
    expect(least).toBeLessThan(-2.9);
    expect(most).toBeGreaterThan(1.9);
    const [slow, fast] = hoursOff(history.map(({ at }) => at * 1_000));
    expect(slow).toBeLessThan(-0.9);
    expect(fast).toBeGreaterThan(0.9);
  },
);

testClock(
  "a clock that jumps back makes no job wait until the time it had comes again",
  async () => {
    await using scene = await setup();
    const { arena } = scene;
    await arena.feeder.feedTo(400);
    await arena.backlog.shrinkTo(200);

    await jump(scene, -3 * hourSeconds);

    expect(await arena.backlog.shrinkTo(0)).toBe(true);
  },
);
