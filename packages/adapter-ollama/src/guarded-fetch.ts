import { createGuardedFetch, readDocument } from "@leasehold/model/http";

import { checkAnswerLines } from "./answer-lines.ts";
import { toBackendError } from "./backend-errors.ts";
import { callErrors } from "./call-errors.ts";
import type { OllamaConfig } from "./options.ts";

/** How an answer comes: line by line, or as one document. */
export type AnswerForm = "lines" | "document";

/**
 * The `fetch` of one call, for the official client.
 *
 * The client takes no signal for a call, prints what it cannot read and forgets the status of an error: all of it is
 * taken care of before it sees an answer.
 */
export function createOllamaFetch(
  { base, resource, fetch }: OllamaConfig,
  { signal, form }: { readonly signal: AbortSignal; readonly form: AnswerForm },
): typeof globalThis.fetch {
  return createGuardedFetch({
    base,
    resource,
    errors: callErrors,
    fetch,
    signal,
    toError: toBackendError,
    read: async (body) =>
      form === "lines"
        ? new Response(checkAnswerLines(body, resource))
        : Response.json(await readDocument(body, { resource, errors: callErrors })),
  });
}
