import {
  type ModelContext,
  ModelError,
  type ModelRequest,
  type ModelResponse,
  type ModelV1,
} from "@leasehold/model";

/** A request in words, with whatever a test changes. */
export function words(content: string, changes: Partial<ModelRequest> = {}): ModelRequest {
  return { messages: [{ role: "user", content }], outputTokensMax: 100_000, ...changes };
}

/** Calls a model under a context that nobody aborts and that has time enough. */
export async function call(
  model: ModelV1,
  request: ModelRequest,
  changes: Partial<ModelContext> = {},
): Promise<ModelResponse> {
  return model.generate(request, {
    signal: new AbortController().signal,
    deadlineAt: performance.now() + 60_000,
    progress() {},
    ...changes,
  });
}

/** The code of the error a call ends with, or `undefined` if it answers. */
export async function codeOf(work: Promise<unknown>): Promise<ModelError["code"] | undefined> {
  return (await errorOf(work))?.code;
}

export async function errorOf(work: Promise<unknown>): Promise<ModelError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (ModelError.is(error)) return error;
    throw error;
  }
}
