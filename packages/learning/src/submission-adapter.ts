import {
  type AdapterCapabilities,
  type AdapterHealth,
  type AdapterV1,
  defineAdapter,
  WorkerError,
} from "@leasehold/core";
import type { ModelV1 } from "@leasehold/model";
import type { z } from "zod";

import type { AnswerMemory } from "./answer-memory.ts";
import { assessText, type FeedbackFallback } from "./feedback-phase.ts";
import type { MediaPreparer } from "./media/media-preparer.ts";
import { toSubmissionError } from "./model-errors.ts";
import type { Storage } from "./storage.ts";
import { submissionPhases } from "./submission-pipeline.ts";
import { submissionInput, visionOutput } from "./submission.ts";
import { readPages } from "./vision-phase.ts";

export interface SubmissionAdapterOptions {
  readonly name: string;
  readonly version: string;
  /** Reads pages; must take images. */
  readonly vision: ModelV1;
  /** Assesses text; must answer in JSON. */
  readonly feedback: ModelV1;
  readonly storage: Storage;
  readonly media: MediaPreparer;
  /** Seconds of one model call of the phase `vision`. Default: 300. */
  readonly visionTimeoutSeconds?: number;
  /** Seconds of one model call of the phase `feedback`. Default: 300. */
  readonly feedbackTimeoutSeconds?: number;
  /**
   * What is tried when no answer to the feedback program holds: one plain question, then a result without scores that
   * says so. Without `degraded` the attempt fails, is tried again, and fails for good in the end. Default: both.
   */
  readonly feedbackFallbacks?: readonly FeedbackFallback[];
  /** Where answers to the very same question are looked for before a model is asked. Default: nowhere. */
  readonly memory?: AnswerMemory;
}

const timeoutSecondsDefault = 300;

/**
 * Turns two models into the adapter of the submission pipeline. It closes the models, not the media preparer.
 *
 * It is not deterministic, whatever its models are: the marks around a learner's text are new for each job and attempt.
 */
export function createSubmissionAdapter(options: SubmissionAdapterOptions): AdapterV1 {
  const { vision, feedback } = options;
  const models = [...new Set([vision, feedback])];
  const modelOf = (phase: string): ModelV1 => (phase === "vision" ? vision : feedback);
  return defineAdapter({
    specVersion: "v1",
    name: options.name,
    version: options.version,
    capabilities: capabilitiesOf(models),
    resource: (phase) => modelOf(phase).resource,
    concurrency: (phase) => modelOf(phase).concurrency,
    async execute(request, context) {
      try {
        return await executePhase(options, request, context);
      } catch (error) {
        throw toSubmissionError(error);
      }
    },
    probe: (signal) => probeAll(models, signal),
    async close() {
      await Promise.all(models.map(async (model) => await model.close?.()));
    },
  });
}

const executePhase = async (
  options: SubmissionAdapterOptions,
  ...[request, context]: Parameters<AdapterV1["execute"]>
): ReturnType<AdapterV1["execute"]> => {
  const { signal } = context;
  if (signal.aborted) throw signal.reason;
  const input = parseOwn(submissionInput, request.input, "input");
  const memory = options.memory === undefined ? {} : { memory: options.memory };
  const known = new Map(request.parts.map(({ part, output }) => [part, output]));
  if (request.phase === "vision") {
    const timeoutMs = toMs(options.visionTimeoutSeconds);
    return await readPages(
      {
        model: options.vision,
        storage: options.storage,
        media: options.media,
        timeoutMs,
        ...memory,
      },
      { input, known },
      context,
    );
  }
  if (request.phase === "feedback") {
    const timeoutMs = toMs(options.feedbackTimeoutSeconds);
    const { text, pages } = parseOwn(visionOutput, request.results["vision"], "result of vision");
    const pagesHideText = pages.some(({ hidesText }) => hidesText === true);
    const fallbacks = options.feedbackFallbacks ?? ["one_shot", "degraded"];
    const phase = { model: options.feedback, timeoutMs, fallbacks, ...memory };
    return await assessText(phase, { input, text, pagesHideText, known }, context);
  }
  throw new WorkerError(
    "config_invalid",
    `A submission has no phase "${request.phase}"; its phases are vision and feedback.`,
    { scope: "config" },
  );
};

/** Checks what the worker handed over. Whoever runs an adapter by other means must not get an error that quotes a learner. */
function parseOwn<Value>(schema: z.ZodType<Value>, given: unknown, what: string): Value {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new WorkerError("input_invalid", `The ${what} is not one of a submission.`);
}

function toMs(seconds: number | undefined): number {
  return (seconds ?? timeoutSecondsDefault) * 1000;
}

function capabilitiesOf(models: readonly ModelV1[]): AdapterCapabilities {
  return {
    phases: submissionPhases,
    deterministic: false,
    local: models.every(({ capabilities }) => capabilities.local),
  };
}

async function probeAll(models: readonly ModelV1[], signal: AbortSignal): Promise<AdapterHealth> {
  const answers = await Promise.all(models.map(async (model) => await model.probe?.(signal)));
  return answers.find((answer) => answer?.status === "failed") ?? { status: "ok" };
}
