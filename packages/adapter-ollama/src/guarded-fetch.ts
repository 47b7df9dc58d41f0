import { createGuardedFetch, readDocument } from "@leasehold/model/http";

import { answerRules, checkAnswerLines } from "./answer-lines.ts";
import { toBackendError } from "./backend-errors.ts";
import { callErrors } from "./call-errors.ts";
import type { OllamaTarget } from "./options.ts";
import { newsRules } from "./pull-errors.ts";

/** How an answer comes: line by line, as the words of a model or as news of a download, or as one document. */
export type AnswerForm = "lines" | "news" | "document";

/**
 * The `fetch` of one call, for the official client.
 *
 * The client takes no signal for a call, prints what it cannot read and forgets the status of an error: all of it is
 * taken care of before it sees an answer.
 */
export function createOllamaFetch(
  { base, resource, fetch }: OllamaTarget,
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
      form === "document"
        ? Response.json(await readDocument(body, { resource, errors: callErrors }))
        : new Response(
            checkAnswerLines(body, resource, form === "lines" ? answerRules : newsRules),
          ),
  });
}
