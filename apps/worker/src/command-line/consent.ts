import { createInterface } from "node:readline/promises";

import { WorkerError } from "@leasehold/core";

export interface ConsentFlags {
  readonly yes?: true;
}

/**
 * Asks a person whether to go on. Where nobody can be asked, `--yes` must have said so.
 *
 * Throws `aborted` without consent: nothing was done then.
 */
export async function askConsent(
  question: string,
  { yes }: ConsentFlags,
  signal: AbortSignal,
): Promise<void> {
  if (yes === true) return;
  if (!process.stdin.isTTY) {
    throw new WorkerError("aborted", `Nothing was done. ${question} Say so with --yes.`);
  }
  // The question is no part of the answer, which may go to a file.
  const line = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const given = await line.question(`${question} [y/N] `, { signal });
    if (/^(?:y|yes|j|ja)$/i.test(given.trim())) return;
  } finally {
    line.close();
  }
  throw new WorkerError("aborted", "Nothing was done.");
}
