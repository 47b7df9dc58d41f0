import { type CallWatch, createCallWatch } from "@leasehold/model/http";
import { Ollama } from "ollama/browser";

import { callErrors } from "./call-errors.ts";
import { type AnswerForm, createOllamaFetch } from "./guarded-fetch.ts";
import type { OllamaTarget } from "./options.ts";

/** One call of the server: a client of its own, and what watches over it. */
export interface OllamaCall {
  readonly client: Ollama;
  readonly watch: CallWatch;
}

/** What a call needs to start. */
export interface OllamaCallOptions {
  readonly config: OllamaTarget;
  /** Any of them ends the call. */
  readonly signals: readonly AbortSignal[];
  readonly form: AnswerForm;
}

/**
 * Runs one call and leaves nothing behind: no timer, no listener, no request that keeps the GPU busy.
 *
 * The client is the one for browsers, because the other one reads a picture that is a string from disk.
 */
export async function withCall<T>(
  { config, signals, form }: OllamaCallOptions,
  run: (call: OllamaCall) => Promise<T>,
): Promise<T> {
  const watch = createCallWatch({ resource: config.resource, errors: callErrors, signals });
  const fetch = createOllamaFetch(config, { signal: watch.signal, form });
  try {
    watch.throwIfEnded();
    return await run({ client: new Ollama({ host: config.base.url, fetch }), watch });
  } catch (thrown) {
    // What ended the call counts, not the way in which the request fell over it.
    throw watch.reason() ?? thrown;
  } finally {
    watch.close();
  }
}
