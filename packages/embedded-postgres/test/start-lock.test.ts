import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isStartLocked, tryStartLock } from "../src/start-lock.ts";

interface Fixture extends AsyncDisposable {
  readonly folder: string;
}

async function setup(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "start-lock-test-"));
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test("is held by one, and free again when it is released", async () => {
  await using fixture = await setup();

  const first = await tryStartLock(fixture.folder);
  const second = await tryStartLock(fixture.folder);
  await first?.release();
  const third = await tryStartLock(fixture.folder);

  expect(first).toBeDefined();
  expect(second).toBeUndefined();
  expect(third?.takenOver).toBe(false);
  expect(await isStartLocked(fixture.folder)).toBe(true);
});

test("is free when its owner is dead, or another process has the owner's number", async () => {
  await using fixture = await setup();
  await mkdir(join(fixture.folder, "start-lock"));
  await writeFile(join(fixture.folder, "start-lock", "7"), `${process.pid} long-ago\n`);

  const locked = await isStartLocked(fixture.folder);
  const cautious = await tryStartLock(fixture.folder, { takeOver: false });
  const lock = await tryStartLock(fixture.folder);

  expect(locked).toBe(false);
  expect(cautious).toBeUndefined();
  expect(lock?.takenOver).toBe(true);
  expect(await readdir(join(fixture.folder, "start-lock"))).toContain("8");
});

test("goes to exactly one of many who find a dead owner", async () => {
  await using fixture = await setup();
  await mkdir(join(fixture.folder, "start-lock"));
  await writeFile(join(fixture.folder, "start-lock", "1"), "0 dead\n");

  const locks = await Promise.all(Array.from({ length: 50 }, () => tryStartLock(fixture.folder)));

  expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
});

test("is never held by two, however often it changes hands, and leaves few files", async () => {
  await using fixture = await setup();
  let holders = 0;
  let holdersMax = 0;
  let turns = 0;
  const contend = async (): Promise<void> => {
    while (turns < 100) {
      const lock = await tryStartLock(fixture.folder);
      if (lock === undefined) continue;
      holders += 1;
      holdersMax = Math.max(holdersMax, holders);
      await readdir(fixture.folder);
      turns += 1;
      holders -= 1;
      await lock.release();
    }
  };

  await Promise.all(Array.from({ length: 5 }, contend));

  expect(holdersMax).toBe(1);
  expect((await readdir(join(fixture.folder, "start-lock"))).length).toBeLessThan(20);
});
