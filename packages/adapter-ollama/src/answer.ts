import { ModelError, type ModelResponse } from "@leasehold/model";

import { toRunawayError, toStreamError } from "./call-errors.ts";
import { createLoopGuard } from "./loop-guard.ts";

/** What is read of a frame. The server's word is taken for nothing but these fields, and for their types neither. */
export interface OllamaFrame {
  readonly message?: { readonly content?: unknown; readonly thinking?: unknown };
  readonly done?: unknown;
  readonly done_reason?: unknown;
  readonly prompt_eval_count?: unknown;
  readonly eval_count?: unknown;
}

/** An answer that came to its end. */
export type OllamaAnswer = Pick<ModelResponse, "text" | "finish" | "usage">;

/** What bounds an answer, and who hears of it. */
export interface AnswerOptions {
  readonly resource: string;
  /** What the server was asked for; what goes far beyond it does not end. */
  readonly outputTokensMax: number;
  /** Called for each frame, with their number so far. */
  onFrame(frames: number): void;
}

/** Collects the frames of an answer and refuses one that does not end, is cut, or is nothing but thoughts. */
export async function collectAnswer(
  frames: AsyncIterable<OllamaFrame>,
  options: AnswerOptions,
): Promise<OllamaAnswer> {
  const { resource, outputTokensMax } = options;
  const charactersMax = charactersSlack + outputTokensMax * charactersPerTokenMax;
  const framesMax = framesSlack + outputTokensMax * framesPerTokenMax;
  const loops = createLoopGuard(resource);
  let text = "";
  let thoughtCharacters = 0;
  let count = 0;
  for await (const frame of frames) {
    count += 1;
    options.onFrame(count);
    const piece = toText(frame.message?.content);
    text += piece;
    thoughtCharacters += toText(frame.message?.thinking).length;
    if (text.length + thoughtCharacters > charactersMax) {
      throw toRunawayError(resource, "characters_exceeded");
    }
    if (count > framesMax) throw toRunawayError(resource, "frames_exceeded");
    loops.add(piece);
    if (frame.done === true) {
      const finish = toFinish(frame, resource);
      if (text === "" && thoughtCharacters > 0) throw toThoughtsError(resource);
      return { text, finish, usage: toUsage(frame) };
    }
  }
  throw toStreamError(resource, "answer_cut");
}

/** No tokenizer's tokens are this long on average, except for endless blanks. */
const charactersPerTokenMax = 16;
const charactersSlack = 4_096;

/** A frame is a token or several; one that carries none must be rare. */
const framesPerTokenMax = 2;
const framesSlack = 64;

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function toFinish({ done_reason }: OllamaFrame, resource: string): "stop" | "length" {
  if (done_reason === "stop" || done_reason === "length") return done_reason;
  // Ollama leaves the reason out when its own connection to the model's process broke.
  throw toStreamError(resource, "answer_cut");
}

function toUsage({ prompt_eval_count, eval_count }: OllamaFrame): ModelResponse["usage"] {
  return {
    ...(isCount(prompt_eval_count) ? { inputTokens: prompt_eval_count } : {}),
    ...(isCount(eval_count) ? { outputTokens: eval_count } : {}),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function toThoughtsError(resource: string): ModelError {
  return new ModelError(
    "model_unsuitable",
    `Ollama (${resource}): the model thinks although it must not; name one that can do without.`,
    { scope: "config", retryable: false, adapterCode: "thoughts_only" },
  );
}
