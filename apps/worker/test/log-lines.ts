import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createLog, type WorkerLog } from "../src/logging.ts";

/** A log that can be read back. */
export interface LogFile extends AsyncDisposable {
  readonly log: WorkerLog;
  text(): Promise<string>;
  /** Of a log in JSON: every line without its time. */
  lines(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** The worker's own log, on a file. */
export async function openLogFile(
  format: "json" | "pretty" = "json",
  level: "debug" | "info" | "warn" | "error" = "debug",
): Promise<LogFile> {
  const folder = await mkdtemp(join(tmpdir(), "leasehold-log-"));
  const path = join(folder, "log");
  const file = await open(path, "a");
  const text = (): Promise<string> => readFile(path, "utf8");
  return {
    log: createLog({ level, format }, { descriptor: file.fd, isTerminal: false }),
    text,
    async lines() {
      const lines = (await text()).split("\n").slice(0, -1);
      return lines.map((line) => {
        const { time: _time, ...rest } = JSON.parse(line) as Record<string, unknown>;
        return rest;
      });
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(folder, { recursive: true });
    },
  };
}
