import {
  type CallWatch,
  createCallWatch,
  createGuardedFetch,
  readDocument,
} from "@leasehold/model/http";
import type { OpenAI } from "openai";

import { checkEvents } from "./answer-events.ts";
import { toBackendError } from "./backend-errors.ts";
import { callErrors, toCallError } from "./call-errors.ts";
import type { OpenAiConfig } from "./options.ts";

/** How an answer comes: as server-sent events, or as one document. */
export type AnswerForm = "events" | "document";

/** One call of the server: a client of its own, and what watches over it. */
export interface OpenAiCall {
  readonly client: OpenAI;
  readonly watch: CallWatch;
}

/** What a call needs to start. */
export interface OpenAiCallOptions {
  readonly config: OpenAiConfig;
  /** Any of them ends the call. */
  readonly signals: readonly AbortSignal[];
  readonly form: AnswerForm;
}

/** Runs one call and leaves nothing behind: no timer, no listener, no request that keeps the server busy. */
export async function withCall<T>(
  options: OpenAiCallOptions,
  run: (call: OpenAiCall) => Promise<T>,
): Promise<T> {
  const { config, signals } = options;
  const { resource } = config;
  const watch = createCallWatch({ resource, errors: callErrors, signals });
  try {
    watch.throwIfEnded();
    const client = await createClient(options, watch.signal);
    watch.throwIfEnded();
    return await run({ client, watch });
  } catch (thrown) {
    // What ended the call counts, not the way in which the request fell over it.
    throw watch.reason() ?? toCallError(resource, thrown);
  } finally {
    watch.close();
  }
}

/** What a timer can count. */
const timerMsMax = 2_147_483_647;

/**
 * The client reads variables of the environment, retries, prints, and adds headers that describe this machine.
 *
 * So it is told everything that it would look up, never sees the key, and its headers are replaced by ours.
 */
async function createClient(
  { config, form }: OpenAiCallOptions,
  signal: AbortSignal,
): Promise<OpenAI> {
  // Loaded by the first call: it takes a tenth of a second, also of hosts that only might use it.
  const { OpenAI } = await import("openai");
  const { base, resource, headers, fetch } = config;
  return new OpenAI({
    baseURL: base.url,
    apiKey: "unused",
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    timeout: timerMsMax,
    logLevel: "off",
    fetch: createGuardedFetch({
      base,
      resource,
      errors: callErrors,
      fetch,
      signal,
      headers,
      toError: toBackendError,
      read: async (body, answered) =>
        form === "events"
          ? checkEvents(body, { resource, contentType: answered.get("content-type") })
          : Response.json(await readDocument(body, { resource, errors: callErrors })),
    }),
  });
}
