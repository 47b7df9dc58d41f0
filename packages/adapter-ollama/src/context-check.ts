import { ModelError, type ModelRequest, type ModelResponse } from "@leasehold/model";

import type { OllamaConfig } from "./options.ts";
import { isOlderThan } from "./server-version.ts";

/** From here on the server's count of a prompt includes what it still had in memory from the call before. */
const wholeCountVersion = "0.30.1";

/** Fewer words say nothing: a template may be tokenised oddly. */
const wordsMin = 200;

/** What is measured after a call. */
export interface ReadPrompt {
  readonly request: ModelRequest;
  readonly usage: ModelResponse["usage"];
  /** Of the server, where it is known. */
  readonly version: string | undefined;
}

/**
 * Refuses an answer whose prompt was cut, although the server was told not to cut it.
 *
 * A server that is too old, or stands behind a proxy, may not know of `truncate: false`, and may have given the model a
 * smaller window than it was asked for. It then answers with status 200 to half a text. Its own count betrays it: no
 * tokenizer makes fewer tokens than there are words, and prompt and answer cannot be longer than their window.
 */
export function refuseCutPrompt(read: ReadPrompt, { resource, profile }: OllamaConfig): void {
  const { inputTokens, outputTokens = 0 } = read.usage;
  if (inputTokens === undefined || isOlderThan(read.version, wholeCountVersion)) return;
  const words = countWords(read.request);
  const isCut = words >= wordsMin && inputTokens < words;
  if (!isCut && inputTokens + outputTokens <= profile.numCtx) return;
  throw new ModelError(
    "input_too_large",
    `Ollama (${resource}): the server read ${inputTokens} tokens of ${words} words and wrote ${outputTokens}, ` +
      `in a window of ${profile.numCtx}: it cut the prompt. Update the server, or see what stands before it.`,
    { scope: "job", retryable: false, adapterCode: "context_truncated" },
  );
}

/** Words, as scripts with spaces between them have them: a number is one, a row of dots is none. */
function countWords({ messages }: ModelRequest): number {
  return messages.reduce(
    (sum, { content }) => sum + (content.match(/[\p{L}\p{N}]+/gu) ?? []).length,
    0,
  );
}
