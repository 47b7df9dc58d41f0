import { ModelError } from "@leasehold/model";
import { type CallErrors, createCallErrors } from "@leasehold/model/http";

import { toBackendError } from "./backend-errors.ts";

/** The errors of a call that do not depend on what the server says. */
export const callErrors: CallErrors = createCallErrors("OpenAI-style server");

/**
 * Turns what the client threw into a `ModelError`, without quoting it.
 *
 * The client wraps what its `fetch` threw, so that our own error may stand anywhere below. An error inside a stream it
 * throws with the server's words in its message, which are looked at and go no further.
 */
export function toCallError(resource: string, thrown: unknown): ModelError {
  const own = findModelError(thrown);
  if (own !== undefined) return own;
  const said = readStreamError(thrown);
  if (said !== undefined) return toBackendError({ resource, ...said });
  if (thrown instanceof SyntaxError) return callErrors.toStreamError(resource, "answer_unreadable");
  return callErrors.toTransportError(resource, thrown);
}

/** Errors below an error that are looked at. */
const depthMax = 5;

function findModelError(thrown: unknown): ModelError | undefined {
  let below = thrown;
  for (let depth = 0; depth < depthMax; depth += 1) {
    if (ModelError.is(below)) return below;
    if (typeof below !== "object" || below === null || !("cause" in below)) return undefined;
    below = below.cause;
  }
  return undefined;
}

/** What the server said inside a stream, as the client's `APIError` carries it. */
function readStreamError(
  thrown: unknown,
): { readonly text: string; readonly status?: number } | undefined {
  if (typeof thrown !== "object" || thrown === null || !("error" in thrown)) return undefined;
  const { error } = thrown;
  const text = JSON.stringify(error) ?? "";
  const status = typeof error === "object" && error !== null && "code" in error ? error.code : 0;
  // Servers put the status there that they would have sent, had they not begun to answer.
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 600
    ? { text, status }
    : { text };
}
