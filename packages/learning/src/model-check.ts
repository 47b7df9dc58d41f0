import { forwardModel, type ModelContext, ModelError, type ModelV1 } from "@leasehold/model";

import type { HealthFinding } from "./learning-health.ts";

export interface ModelCheckOptions {
  /** A job's answer that is no older proves as much as one of our own. Default: 60. */
  readonly freshSeconds?: number;
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** Finds out whether models answer, by having them answer. */
export interface ModelCheck {
  /** The same model, whose answers to jobs are noted. */
  watch(model: ModelV1): ModelV1;
  /**
   * Has each model that was watched answer something tiny, unless it answered a job a moment ago: a server may answer
   * although what runs its models is gone. It may load one model in another's place, so it is for whoever asks for it.
   *
   * Never throws. Models of the same resource are asked once.
   */
  run(signal: AbortSignal): Promise<readonly HealthFinding[]>;
}

/** As short an answer as there is. */
const question = { role: "user", content: "Answer with the word ok." } as const;
const outputTokensMax = 8;
const freshSecondsDefault = 60;
const check = "model_answers";

export function createModelCheck({
  freshSeconds = freshSecondsDefault,
  now = () => performance.now(),
}: ModelCheckOptions = {}): ModelCheck {
  const models = new Map<string, ModelV1>();
  const answeredAt = new Map<string, number>();

  const judge = async (model: ModelV1, signal: AbortSignal): Promise<HealthFinding> => {
    const at = answeredAt.get(model.resource);
    const ageMs = at === undefined ? Infinity : now() - at;
    if (ageMs > freshSeconds * 1_000) return await askModel(model, signal, now);
    const age = Math.round(ageMs / 1_000);
    return { check, status: "ok", message: `${model.resource} answered a job ${age} s ago.` };
  };

  return {
    watch(model) {
      const { resource } = model;
      models.set(resource, model);
      return noteAnswers(model, () => void answeredAt.set(resource, now()));
    },
    async run(signal) {
      const findings: HealthFinding[] = [];
      // One after the other: they may have to make room for each other.
      for (const model of models.values()) findings.push(await judge(model, signal));
      return findings;
    },
  };
}

async function askModel(
  model: ModelV1,
  signal: AbortSignal,
  now: () => number,
): Promise<HealthFinding> {
  const { resource } = model;
  // The signal bounds it; loading is part of what is asked.
  const context: ModelContext = { signal, deadlineAt: Infinity, progress: () => undefined };
  const startedAt = now();
  try {
    await model.prepare?.(context);
    const { text } = await model.generate({ messages: [question], outputTokensMax }, context);
    if (text.trim() === "") {
      return { check, status: "fail", message: `${resource} answered with nothing.` };
    }
    const ms = Math.round(now() - startedAt);
    return { check, status: "ok", message: `${resource} answered in ${ms} ms.` };
  } catch (error) {
    if (signal.aborted) {
      return { check, status: "fail", message: `${resource} did not answer in time.` };
    }
    const why = ModelError.is(error) ? ` (${error.code})` : "";
    return { check, status: "fail", message: `${resource} could not answer${why}.` };
  }
}

function noteAnswers(model: ModelV1, onAnswer: () => void): ModelV1 {
  return {
    ...forwardModel(model),
    async generate(request, context) {
      const response = await model.generate(request, context);
      onAnswer();
      return response;
    },
  };
}
