import { openSync, writeSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

/**
 * Something that a process did or saw, as it happened.
 *
 * Names are those of the worker's events; what begins with `work`, `part` or `effect` is told by the work itself, and
 * what begins with `disaster` by whoever brought it about.
 */
export interface HistoryLine {
  /** Milliseconds since 1970, on the clock of the process. */
  readonly at: number;
  /** Who did it, or to whom it was done. */
  readonly worker: string;
  readonly name: string;
  readonly jobId?: string | undefined;
  readonly phase?: string | undefined;
  readonly attempt?: number | undefined;
  readonly part?: number | undefined;
  readonly code?: string | undefined;
  /** The call that the database did not answer. */
  readonly operation?: string | undefined;
}

const historyLine: z.ZodType<HistoryLine> = z.object({
  at: z.number(),
  worker: z.string(),
  name: z.string(),
  jobId: z.string().optional(),
  phase: z.string().optional(),
  attempt: z.int().optional(),
  part: z.int().optional(),
  code: z.string().optional(),
  operation: z.string().optional(),
});

/** Writes what one process does. What was written is there, however the process ends. */
export interface History {
  write(line: Omit<HistoryLine, "at" | "worker"> & { readonly worker?: string }): void;
}

/** Opens the history of one process, as a file of JSON lines in the folder of the run. */
export function openHistory(folder: string, worker: string): History {
  const file = openSync(join(folder, `${worker}.jsonl`), "a");
  return {
    write(line) {
      // Synchronously: who is killed in the next moment must have said it.
      writeSync(file, `${JSON.stringify({ at: Date.now(), worker, ...line })}\n`);
    },
  };
}

/** Reads the histories of a run as one, in order of time. */
export async function readHistory(folder: string): Promise<readonly HistoryLine[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jsonl"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts
    .flatMap((text) => text.split("\n"))
    .filter((line) => line !== "")
    .map((line) => historyLine.parse(JSON.parse(line)))
    .toSorted((one, other) => one.at - other.at);
}

/** Writes a whole history into one file, for somebody to look at. */
export async function saveHistory(path: string, lines: readonly HistoryLine[]): Promise<void> {
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}
