import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import type { SubmissionReport } from "@leasehold/learning";

import { mayBeMissing } from "./support/may-be-missing.ts";
import {
  installEngine,
  models,
  type RealModel,
  startRealModel,
} from "./support/real-inference/real-model.ts";
import { submitMixture } from "./support/real-inference/submissions.ts";
import { spawnProgram } from "./support/spawned-program.ts";
import { type Bench, root, useCluster } from "./support/worker-bench.ts";
import { startWorker } from "./support/worker-process.ts";

setDefaultTimeout(1_500_000);

const cluster = useCluster();
const count = Number(process.env["REAL_INFERENCE_COUNT"] ?? "50");

const missing = await installEngine();
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`);
/** Where it must be there, an engine that is missing fails its tests instead. */
const isSkipped = missing !== undefined && mayBeMissing;

interface InferenceBench extends Bench {
  readonly model: RealModel;
  /** Submits so many, works them with one worker, and answers what came of them. */
  work(options: { count: number; textsOnly?: boolean }): Promise<readonly SubmissionReport[]>;
}

async function setup(options: { readonly constrains: boolean }): Promise<InferenceBench> {
  const model = await startRealModel(options);
  const bench = await cluster.setup({
    AI_BACKEND: "local",
    AI_VISION_MODEL: models.vision,
    AI_FEEDBACK_MODEL: models.feedback,
    OLLAMA_BASE_URL: model.url,
    WORKER_CONCURRENCY: "2",
    WORKER_POLL_INTERVAL: "0.2",
    LEASEHOLD_HTTP_PORT: "0",
  });
  return {
    ...bench,
    model,
    async work(wanted) {
      const storageRoot = join(bench.dataDir, "uploads");
      const ids = await submitMixture(bench.store, { ...wanted, storageRoot });
      await using worker = startWorker(
        bench,
        spawnProgram([join(root, "apps/worker/src/main.ts"), "run"], {
          cwd: bench.path,
          env: bench.variables,
          lifetimeMs: 1_400_000,
        }),
      );
      for (let done = 1; done <= wanted.count; done += 1) {
        await worker.waitFor(`${done} ends of jobs`, () => {
          const ends = worker.log().filter(({ msg }) => /^job\.(completed|failed|dead)$/.test(msg));
          return ends.length >= done ? true : undefined;
        });
      }
      const reports = await Promise.all(ids.map((id) => bench.store.readSubmission(id)));
      return reports.flatMap((report) => report ?? []);
    },
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
    },
  };
}

interface CriterionResult {
  readonly criterion: string;
  readonly max_score: number;
  readonly score?: number;
  readonly explanation_md?: string;
}

function toResults({ analysis }: SubmissionReport): readonly CriterionResult[] {
  return (analysis as { readonly criteria_results: readonly CriterionResult[] }).criteria_results;
}

/** What a judgement is known by: its points and its words. */
const toMark = (score: unknown, words: string): string => `${String(score)} ${words.trim()}`;

/** All judgements in the answers of a model, wherever they stand in them. */
function listMarks(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const { score, explanation_md: words } = value as Readonly<Record<string, unknown>>;
  const own = typeof words === "string" ? [toMark(score, words)] : [];
  return [...own, ...Object.values(value).flatMap(listMarks)];
}

function parseAnswer(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined;
  }
}

// The reason is printed above: skipped: no engine.
test.skipIf(isSkipped)(
  "a real model, constrained by our schemas, serves every submission, and no score is invented",
  async () => {
    await using bench = await setup({ constrains: true });
    const startedAt = performance.now();

    const reports = await bench.work({ count });

    const seconds = (performance.now() - startedAt) / 1000;
    const said = new Set((await bench.model.readAnswers()).map(parseAnswer).flatMap(listMarks));
    const results = reports.flatMap((report) =>
      toResults(report).map((result) => ({ result, text: report.text ?? "" })),
    );
    const paths = Object.groupBy(reports, ({ path }) => String(path));
    const invented = results.filter(({ result: { score, explanation_md: words = "" } }) => {
      const [own = ""] = words.split("\n\n");
      return !said.has(toMark(score, own));
    });
    const quotes = results.flatMap(({ result: { explanation_md: words = "" }, text }) =>
      words
        .split("\n\n")
        .slice(1)
        .filter((line) => line.startsWith("> "))
        .map((line) => ({ quote: line.slice(2), text })),
    );
    const figures = {
      submissions: reports.length,
      completed: reports.filter(({ status }) => status === "completed").length,
      program: paths["program"]?.length ?? 0,
      oneShot: paths["one_shot"]?.length ?? 0,
      degraded: paths["degraded"]?.length ?? 0,
      scores: results.length,
      inventedScores: invented.length,
      quotes: quotes.length,
      seconds: Math.round(seconds),
    };
    process.stderr.write(`real inference: ${JSON.stringify(figures)}\n`);
    expect(figures).toMatchObject({ submissions: count, completed: count, degraded: 0 });
    expect(invented).toEqual([]);
    expect(quotes.filter(({ quote, text }) => !holds(text, quote))).toEqual([]);
    expect(results.filter(({ result }) => !isWithin(result))).toEqual([]);
  },
);

// The reason is printed above: skipped: no engine.
test.skipIf(isSkipped)(
  "a real model that heeds no schema leads down to a result without scores, for a person to look at",
  async () => {
    await using bench = await setup({ constrains: false });

    const reports = await bench.work({ count: 4, textsOnly: true });

    expect(reports).toHaveLength(4);
    for (const report of reports) {
      expect(report).toMatchObject({ status: "completed", path: "degraded", needsReview: true });
      expect(report.provenance).toMatchObject({
        feedback: { falls: [{ path: "one_shot" }, { path: "degraded" }] },
      });
      expect(toResults(report).filter(({ score }) => score !== undefined)).toEqual([]);
    }
  },
);

/** White space may differ: a segment is one line. A long quote ends in an ellipsis. */
function holds(text: string, quote: string): boolean {
  const flat = (words: string): string => words.replaceAll(/[\s\\]+/g, "");
  return flat(text).includes(flat(quote).replace(/…$/, ""));
}

function isWithin({ score, max_score: max }: CriterionResult): boolean {
  return score !== undefined && Number.isInteger(score) && score >= 0 && score <= max;
}
