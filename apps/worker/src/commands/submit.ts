import { readFile } from "node:fs/promises";

import { WorkerError } from "@leasehold/core";
import type { LearningStore, SubmissionReport } from "@leasehold/learning";

import { pause } from "../app.ts";
import type { WorkerConfig } from "../config.ts";
import { toCriteria } from "../criteria.ts";
import { openDatabase, openLearningStore } from "../database.ts";
import { toContent } from "../uploads.ts";

export interface SubmitOptions {
  /** A file, or `-` for standard input. */
  readonly source: string;
  /** `name`, or `name:points`. */
  readonly criteria: readonly string[];
  readonly student: string;
  readonly language: "de" | "en";
  readonly waits: boolean;
}

/** Submits one file and, when asked to, waits for its feedback. Answers whether all went well. */
export async function submit(
  config: WorkerConfig,
  options: SubmitOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const criteria = toCriteria(options.criteria);
  const bytes = await readSource(options.source);
  await using database = await openDatabase(config);
  await using store = await openLearningStore(config, database.url);
  const { id } = await store.submit({
    studentSub: options.student,
    content: await toContent(bytes, config.storageRoot),
    ...(criteria.length === 0 ? {} : { criteria }),
    language: options.language,
  });
  console.log(id);
  if (!options.waits) return true;
  const report = await waitForReport(store, id, signal);
  console.log(report.feedbackMd ?? `${report.status}: ${report.errorCode ?? "no reason given"}`);
  return report.status === "completed";
}

async function readSource(source: string): Promise<Uint8Array> {
  try {
    return source === "-" ? await Bun.stdin.bytes() : await readFile(source);
  } catch {
    throw new WorkerError("not_found", `Not submitted: ${source} cannot be read.`);
  }
}

const pollMs = 250;
/** After this long without a sign of work, the waiting person is told how to start a worker. */
const patienceMs = 5_000;

async function waitForReport(
  store: LearningStore,
  id: string,
  signal: AbortSignal,
): Promise<SubmissionReport> {
  const startedAt = performance.now();
  let wasTold = false;
  while (!signal.aborted) {
    const report = await store.readSubmission(id);
    if (report === undefined) throw new WorkerError("not_found", `Submission ${id} was deleted.`);
    if (report.status === "completed" || report.status === "failed") return report;
    if (!wasTold && performance.now() - startedAt > patienceMs) {
      wasTold = true;
      console.error("Still waiting. Is a worker running? Start one with: bun run apps/worker");
    }
    await pause(pollMs, signal);
  }
  throw new WorkerError("aborted", `Stopped waiting; the submission ${id} goes on.`);
}
