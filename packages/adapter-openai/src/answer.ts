import { ModelError, type ModelResponse } from "@leasehold/model";
import { z } from "zod";

import { callErrors } from "./call-errors.ts";

/** An answer that came to its end, and what the server calls what made it. */
export interface OpenAiAnswer extends Pick<ModelResponse, "text" | "finish" | "usage"> {
  readonly servedModel?: string;
  readonly systemFingerprint?: string;
}

/** What bounds an answer, and who hears of it. */
export interface AnswerOptions {
  readonly resource: string;
  /** What the server was asked for; what goes far beyond it does not end. */
  readonly outputTokensMax: number;
  /** Called for each frame that carries something of the answer, with their number so far. */
  onToken(this: void, tokens: number): void;
}

/** Collects the frames of an answer and refuses one that does not end, is cut, refused, or nothing but thoughts. */
export async function collectAnswer(
  frames: AsyncIterable<unknown>,
  { resource, outputTokensMax, onToken }: AnswerOptions,
): Promise<OpenAiAnswer> {
  const charactersMax = charactersSlack + outputTokensMax * charactersPerTokenMax;
  const framesMax = framesSlack + outputTokensMax * framesPerTokenMax;
  let answer: OpenAiAnswer = { text: "", finish: "stop", usage: {} };
  let reason: string | undefined;
  let otherCharacters = 0;
  let refusalCharacters = 0;
  let tokens = 0;
  let count = 0;
  for await (const raw of frames) {
    count += 1;
    const { text, thoughts, refusal, finish, ...said } = readFrame(raw);
    answer = { ...answer, ...said, text: answer.text + text };
    reason = finish ?? reason;
    refusalCharacters += refusal.length;
    otherCharacters += thoughts.length + refusal.length;
    if (answer.text.length + otherCharacters > charactersMax) {
      throw callErrors.toRunawayError(resource, "characters_exceeded");
    }
    if (count > framesMax) throw callErrors.toRunawayError(resource, "frames_exceeded");
    // Some servers open with a frame that only names the role, long before the model has read its prompt.
    if (text !== "" || thoughts !== "" || refusal !== "") onToken((tokens += 1));
  }
  const finish = toFinish(reason, resource);
  if (refusalCharacters > 0) throw toRefusedError(resource, "refused");
  if (answer.text === "" && otherCharacters > 0) throw toThoughtsError(resource);
  return { ...answer, finish };
}

/** No tokenizer's tokens are this long on average, except for endless blanks. */
const charactersPerTokenMax = 16;
const charactersSlack = 4_096;

/** A frame is a token or several; one that carries none must be rare. */
const framesPerTokenMax = 2;
const framesSlack = 64;

/** What is read of a frame. The server's word is taken for nothing but these fields, and for their types neither. */
interface Frame extends Omit<Partial<OpenAiAnswer>, "text" | "finish"> {
  readonly text: string;
  readonly thoughts: string;
  readonly refusal: string;
  readonly finish?: string;
}

const words = z.string().catch("");
const count = z.int().min(0).optional().catch(undefined);
/** What stands beside every result must be a name, and nothing that somebody wrote. */
const name = z
  .string()
  .regex(/^[A-Za-z0-9/][A-Za-z0-9._:/@+-]{0,254}$/)
  .optional()
  .catch(undefined);

const frameSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: words,
            reasoning_content: words,
            reasoning: words,
            refusal: words,
          })
          .partial()
          .catch({}),
        finish_reason: z.string().optional().catch(undefined),
      }),
    )
    .catch([]),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).optional().catch(undefined),
  model: name,
  system_fingerprint: name,
});

function readFrame(raw: unknown): Frame {
  const parsed = frameSchema.safeParse(raw);
  if (!parsed.success) return { text: "", thoughts: "", refusal: "" };
  const { choices, usage, model, system_fingerprint } = parsed.data;
  const { delta = {}, finish_reason } = choices[0] ?? {};
  return {
    text: delta.content ?? "",
    thoughts: `${delta.reasoning_content ?? ""}${delta.reasoning ?? ""}`,
    refusal: delta.refusal ?? "",
    ...(finish_reason === undefined ? {} : { finish: finish_reason }),
    ...(usage === undefined ? {} : { usage: toUsage(usage) }),
    ...(model === undefined ? {} : { servedModel: model }),
    ...(system_fingerprint === undefined ? {} : { systemFingerprint: system_fingerprint }),
  };
}

function toUsage(usage: {
  readonly prompt_tokens?: number | undefined;
  readonly completion_tokens?: number | undefined;
}): ModelResponse["usage"] {
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
  return {
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
  };
}

function toFinish(reason: string | undefined, resource: string): "stop" | "length" {
  if (reason === "stop" || reason === "length") return reason;
  if (reason === "content_filter") throw toRefusedError(resource, "content_filtered");
  // No word at all, or a word such as "abort" and "error": the model did not say that it is done.
  throw callErrors.toStreamError(resource, "answer_cut");
}

const refusals = {
  content_filtered: "the server's content filter stopped the answer.",
  refused: "the model refuses to answer.",
} as const;

function toRefusedError(resource: string, adapterCode: keyof typeof refusals): ModelError {
  return new ModelError(
    "output_invalid",
    `OpenAI-style server (${resource}): ${refusals[adapterCode]}`,
    { scope: "job", retryable: false, adapterCode },
  );
}

function toThoughtsError(resource: string): ModelError {
  return new ModelError(
    "model_unsuitable",
    `OpenAI-style server (${resource}): the model thinks and does not answer; name one that can do without.`,
    { scope: "config", retryable: false, adapterCode: "thoughts_only" },
  );
}
