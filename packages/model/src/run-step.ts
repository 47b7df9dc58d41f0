import { createHash } from "node:crypto";

import type { z } from "zod";

import { isProse, toAnswerSchema } from "./answer-schema.ts";
import { withDeadline } from "./deadline.ts";
import { judgeAnswer, type RefusalReason, type SanitisedCounts } from "./judge-answer.ts";
import {
  type ModelContext,
  ModelError,
  type ModelMessage,
  type ModelProvenance,
  type ModelRequest,
  type ModelResponse,
  type ModelV1,
} from "./model.ts";
import type { Step, StepExample } from "./program.ts";

export type { RefusalReason, SanitisedCounts } from "./judge-answer.ts";

/** How often a model is asked within one run of a step: once, and once more with what was wrong. */
export const asksMax = 2;

/** Characters of the list of problems that are said to a model. */
const problemsCharactersMax = 2_000;

/** Characters of a refused answer that are shown to its model again; a longer one is only described. */
const refusedCharactersMax = 8_000;

/** Where and for whom a step runs. */
export interface StepCall<Input> {
  readonly model: ModelV1;
  readonly input: Input;
  /** One of the program's languages. */
  readonly language: string;
  /** Names the work for the seed, such as a job's id and a page: the same key and attempt give the same seed. */
  readonly key: string;
  /** From 1. A later attempt gets another seed. */
  readonly attempt: number;
  /** Time of one call of the model, warm-up excluded. Default: until the context's deadline. */
  readonly timeoutMs?: number;
  readonly context: ModelContext;
}

/** What made an answer: the model's own statement and the program. No content. */
export interface StepProvenance extends ModelProvenance {
  readonly program: string;
  readonly version: string;
  readonly hash: string;
  readonly step: string;
  /** How often the model was asked, from 1. */
  readonly asks: number;
}

/** An answer that passed its schema and its checks. */
export interface StepResult<Answer> {
  readonly answer: Answer;
  /** Summed over all asks. Absent where one of them was not counted. */
  readonly usage: ModelResponse["usage"];
  readonly durationMs: number;
  readonly sanitised: SanitisedCounts;
  readonly provenance: StepProvenance;
}

/**
 * Runs one step of a program: asks the model, refuses what was cut, and checks the answer against schema and code.
 *
 * A refused answer is asked for once more, with the reasons; refused again, it is `output_invalid`, the job's and
 * retryable. The model must be prepared before. Errors of the model itself pass through unchanged.
 */
export async function runStep<Input, Answer>(
  step: Step<Input, Answer>,
  call: StepCall<Input>,
): Promise<StepResult<Answer>> {
  const { input } = call;
  const schema = typeof step.answer === "function" ? step.answer(input) : step.answer;
  const first = toRequest(step, call, schema);
  const standard = { step, input, schema, isProse: first.schema === undefined };
  const responses: ModelResponse[] = [];
  let request = first;
  let refusal: RefusalReason | undefined;
  for (let asks = 1; ; asks += 1) {
    const response = await ask(step, call, { request, asks, refusal });
    responses.push(response);
    const verdict = judgeAnswer(response.text, standard);
    if (verdict.ok) {
      const { answer, sanitised } = verdict;
      const provenance = prove(step, response, asks);
      return { answer, sanitised, ...tally(responses), provenance };
    }
    if (asks === asksMax) throw toInvalid(step, verdict.reason);
    refusal = verdict.reason;
    const messages = askAgain(first.messages, response.text, verdict.problems);
    request = { ...first, messages };
  }
}

interface Ask {
  readonly request: ModelRequest;
  readonly asks: number;
  /** Why the answer before was refused. */
  readonly refusal: RefusalReason | undefined;
}

async function ask<Input>(
  step: Step<Input, unknown>,
  call: StepCall<Input>,
  { request, asks, refusal }: Ask,
): Promise<ModelResponse> {
  const seed = toSeed([call.key, call.attempt, step.name, asks]);
  try {
    const response = await withDeadline(call.context, call.timeoutMs, (context) =>
      call.model.generate({ ...request, seed }, context),
    );
    if (response.finish === "stop") return response;
  } catch (error) {
    // The refused answer made the request too long: what failed is still the answer, not the job's input.
    if (refusal !== undefined && ModelError.is(error, "input_too_large")) {
      throw toInvalid(step, refusal);
    }
    throw error;
  }
  throw new ModelError(
    "output_truncated",
    `The answer of ${describe(step)} was cut at ${step.outputTokensMax} tokens.`,
    { scope: "job", retryable: true },
  );
}

function toRequest<Input, Answer>(
  step: Step<Input, Answer>,
  { model, input, language }: StepCall<Input>,
  schema: z.ZodType<Answer>,
): ModelRequest {
  const instructions = step.instructions[language];
  if (instructions === undefined) {
    throw toConfigError(
      "config_invalid",
      `${describe(step)} has no instructions for "${language}"`,
    );
  }
  const given = step.messages(input);
  const answerSchema = toAnswerSchema(schema);
  if (!model.capabilities.images && given.some(({ images = [] }) => images.length > 0)) {
    throw toConfigError(
      "model_unsuitable",
      `Model "${model.name}" takes no images, which ${describe(step)} sends`,
    );
  }
  if (!isProse(answerSchema) && model.capabilities.structuredOutput === "none") {
    throw toConfigError(
      "model_unsuitable",
      `Model "${model.name}" answers in prose only, and ${describe(step)} needs JSON`,
    );
  }
  return {
    messages: [
      { role: "system", content: instructions },
      ...(step.examples?.[language] ?? []).flatMap(toTurns),
      ...given,
    ],
    ...(isProse(answerSchema) ? {} : { schema: answerSchema }),
    outputTokensMax: step.outputTokensMax,
    temperature: step.temperature ?? 0,
  };
}

function toTurns({ given, answer }: StepExample): readonly ModelMessage[] {
  return [
    { role: "user", content: given },
    { role: "assistant", content: answer },
  ];
}

/** The same conversation with the refused answer and what was wrong with it. */
function askAgain(
  messages: readonly ModelMessage[],
  refused: string,
  problems: string,
): readonly ModelMessage[] {
  const complaint = [
    "Your answer could not be used:",
    problems.slice(0, problemsCharactersMax).toWellFormed(),
    "Answer again, in full and without these problems. Write the answer and nothing else.",
  ].join("\n");
  const isShown = refused !== "" && refused.length <= refusedCharactersMax;
  return [
    ...messages,
    ...(isShown ? [{ role: "assistant", content: refused } as const] : []),
    { role: "user", content: complaint },
  ];
}

/** A seed that is the same for the same ask of the same attempt: 31 bits, which every backend takes. */
function toSeed(parts: readonly (string | number)[]): number {
  return createHash("sha256").update(JSON.stringify(parts)).digest().readUInt32BE() >>> 1;
}

function tally(
  responses: readonly ModelResponse[],
): Pick<StepResult<unknown>, "usage" | "durationMs"> {
  const inputTokens = sum(responses.map(({ usage }) => usage.inputTokens));
  const outputTokens = sum(responses.map(({ usage }) => usage.outputTokens));
  return {
    usage: {
      ...(inputTokens === undefined ? {} : { inputTokens }),
      ...(outputTokens === undefined ? {} : { outputTokens }),
    },
    durationMs: responses.reduce((total, { durationMs }) => total + durationMs, 0),
  };
}

function sum(counts: readonly (number | undefined)[]): number | undefined {
  return counts.reduce(
    (total, count) => (total === undefined || count === undefined ? undefined : total + count),
    0,
  );
}

type Named = Pick<Step<never, unknown>, "name" | "program">;

function prove({ name, program }: Named, response: ModelResponse, asks: number): StepProvenance {
  const { id, version, hash } = program;
  return { ...response.provenance, program: id, version, hash, step: name, asks };
}

function describe({ name, program }: Named): string {
  return `step "${name}" of program "${program.id}"`;
}

function toInvalid(step: Named, reason: RefusalReason): ModelError {
  return new ModelError(
    "output_invalid",
    `The answer of ${describe(step)} was refused ${asksMax} times (${reason}).`,
    { scope: "job", retryable: true, adapterCode: reason },
  );
}

function toConfigError(code: "config_invalid" | "model_unsuitable", message: string): ModelError {
  return new ModelError(code, `${message}.`, { scope: "config", retryable: false });
}
