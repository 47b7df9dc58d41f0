import { readFile } from "node:fs/promises";

import { WorkerError } from "@leasehold/core";
import type { LearningStore, SubmissionReport } from "@leasehold/learning";
import { type Command, Option } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { collect, examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { toCriteria } from "../criteria.ts";
import { openDatabase, openLearningStore } from "../database.ts";
import { toContent } from "../uploads.ts";
import { pause } from "../waiting.ts";

interface SubmitFlags extends AnswerFlags {
  /** `name`, or `name:points`. */
  readonly criterion: readonly string[];
  readonly student: string;
  readonly language: "de" | "en";
  readonly wait?: true;
}

export function addSubmit(program: Command): void {
  program
    .command("submit")
    .description("submit a text, a PNG, a JPEG or a PDF")
    .argument("<file>", "a file, or - for standard input")
    .option("--criterion <name[:points]>", "what to look at; may be repeated", collect, [])
    .option("--student <word>", "whose work it is", "anonymous")
    .addOption(new Option("--language <code>").choices(["de", "en"]).default("de"))
    .option("--wait", "wait for the feedback and print it, which is content")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples([
        "submit essay.md --criterion Inhalt --criterion Sprache:5 --wait",
        "with two criteria",
      ]),
    )
    .action((source: string, flags: SubmitFlags) =>
      execute((config, signal) => submit(config, { source, flags }, signal)),
    );
}

/** Submits one file and, when asked to, waits for its feedback. Answers whether all went well. */
async function submit(
  config: WorkerConfig,
  { source, flags }: { readonly source: string; readonly flags: SubmitFlags },
  signal: AbortSignal,
): Promise<boolean> {
  const criteria = toCriteria(flags.criterion);
  const bytes = await readSource(source);
  await using database = await openDatabase(config);
  await using store = await openLearningStore(config, database.url);
  const { id, jobId } = await store.submit({
    studentSub: flags.student,
    content: await toContent(bytes, config.storageRoot),
    ...(criteria.length === 0 ? {} : { criteria }),
    language: flags.language,
  });
  const answer = createAnswer(flags);
  answer.say(id);
  if (flags.wait !== true) {
    answer.thing({ id, jobId }, []);
    return true;
  }
  const { status, errorCode, feedbackMd } = await waitForReport(store, id, signal);
  answer.thing({ id, jobId, status, errorCode, feedbackMd }, [
    feedbackMd ?? `${status}: ${errorCode ?? "no reason given"}`,
  ]);
  return status === "completed";
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
