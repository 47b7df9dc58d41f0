import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { SpawnedProgram } from "./spawned-program.ts";

/** One line of a worker's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A worker that runs, as an operator sees it: its log, its HTTP, its process. */
export interface WorkerProcess extends SpawnedProgram {
  log(): readonly LogLine[];
  /** The first line with this message, also one from before, that fits. */
  waitForLog(msg: string, fits?: (line: LogLine) => boolean): Promise<LogLine>;
  /** Asks it over HTTP, with the operator's token. */
  ask(path: string): Promise<Response>;
  /** Where it listens, once it does. */
  origin(): Promise<string>;
  /** The token that it made for its operator. */
  token(): Promise<string>;
}

/** Reads a worker's log as it grows. */
export function startWorker(
  { dataDir }: { readonly dataDir: string },
  program: SpawnedProgram,
): WorkerProcess {
  const log = (): readonly LogLine[] => readLog(program.output().stdout);
  const waitForLog: WorkerProcess["waitForLog"] = (msg, fits = () => true) =>
    program.waitFor(`"${msg}" in the log`, () =>
      log().find((line) => line.msg === msg && fits(line)),
    );
  const origin = async (): Promise<string> => String((await waitForLog("http.listening"))["url"]);
  const token = async (): Promise<string> => {
    await origin();
    return (await readFile(join(dataDir, "operator-token"), "utf8")).trim();
  };
  return {
    ...program,
    log,
    waitForLog,
    origin,
    token,
    async ask(path) {
      const headers = { authorization: `Bearer ${await token()}` };
      return await fetch(`${await origin()}${path}`, { headers });
    },
  };
}

/** The whole lines of a log; the last one may still be on its way. */
function readLog(text: string): readonly LogLine[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}
