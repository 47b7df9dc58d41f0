import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errorCode } from "./errors.ts";
import { formatIdentity, isRunning, ownIdentity, parseIdentity } from "./processes.ts";

/** The right to create or start the cluster of a data folder. */
export interface StartLock {
  /** The one before died with it, maybe in the middle of something. */
  readonly takenOver: boolean;
  release(): Promise<void>;
}

export interface StartLockOptions {
  /** Whether a lock whose owner died may be taken. Default: `true`. */
  readonly takeOver?: boolean;
}

type LockState = "free" | "held" | "orphaned";

// Numbers that are kept although they are past, so that a slow reader still sees a newer one beside them.
const numbersKept = 8;

/**
 * Takes the lock if nobody alive holds it.
 *
 * A lock file that is removed and made anew cannot be taken over safely: two processes see a dead owner, and the slower
 * one removes the lock of the faster. So each taking makes a file with the next number, which only one process can do;
 * the highest number is the lock, is never removed, and is free when it is empty or its owner is dead.
 */
export async function tryStartLock(
  dataFolder: string,
  options: StartLockOptions = {},
): Promise<StartLock | undefined> {
  const folder = join(dataFolder, "start-lock");
  await makeFolder(folder);
  const before = await highestNumber(folder);
  const state = await readState(folder, before);
  if (state === "held" || (state === "orphaned" && options.takeOver === false)) return undefined;

  const number = before + 1;
  const file = join(folder, String(number));
  if (!(await createWhole(folder, file))) return undefined;
  // Others may have taken and given back the lock several times since we looked.
  if ((await highestNumber(folder)) !== number) {
    await removeIfThere(file);
    return undefined;
  }
  await removePast(folder, number);
  return { takenOver: state === "orphaned", release: () => empty(file) };
}

/** Tells whether somebody alive holds the lock. */
export async function isStartLocked(dataFolder: string): Promise<boolean> {
  const folder = join(dataFolder, "start-lock");
  return (await readState(folder, await highestNumber(folder))) === "held";
}

/** Not with its parents: who leaves must not bring a data folder back that somebody removed. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

async function highestNumber(folder: string): Promise<number> {
  return Math.max(0, ...(await listNumbers(folder)));
}

async function listNumbers(folder: string): Promise<readonly number[]> {
  try {
    return (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function readState(folder: string, number: number): Promise<LockState> {
  let content: string;
  try {
    content = await readFile(join(folder, String(number)), "utf8");
  } catch (error) {
    // There was none yet; or there is a newer one by now, which whoever tries to take this one will meet.
    if (errorCode(error) === "ENOENT") return "free";
    throw error;
  }
  const owner = parseIdentity(content);
  if (owner === undefined) return "free";
  return (await isRunning(owner)) ? "held" : "orphaned";
}

/** Makes the file with its content in one step; a reader must never take a half-written owner for a free lock. */
async function createWhole(folder: string, file: string): Promise<boolean> {
  const draft = join(folder, `draft-${randomUUID()}`);
  const content = formatIdentity(await ownIdentity());
  await writeFile(draft, content, { flag: "wx", mode: 0o600 });
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    await removeIfThere(draft);
  }
}

async function removePast(folder: string, number: number): Promise<void> {
  const past = (await listNumbers(folder)).filter((other) => other < number - numbersKept);
  await Promise.all(past.map((other) => removeIfThere(join(folder, String(other)))));
}

async function empty(file: string): Promise<void> {
  try {
    await truncate(file, 0);
  } catch (error) {
    // Somebody removed the data folder under us; then there is nothing left to lock.
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

async function removeIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
