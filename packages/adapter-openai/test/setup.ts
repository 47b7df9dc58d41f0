import { expect } from "bun:test";

import {
  type ModelContext,
  ModelError,
  type ModelProgress,
  type ModelRequest,
  type ModelV1,
} from "@leasehold/model";

import { createOpenAiModel, type OpenAiModelOptions } from "../src/index.ts";
import { type OpenAiServer, type OpenAiServerOptions, startOpenAiServer } from "./openai-server.ts";

/** Long enough never to pass by accident. */
export const generousMs = 60_000;

/** What a learner would have written: must not turn up anywhere. */
export const canary = "Kanarienvogel-4711";

/** A request in words alone, with the canary in it. */
export const request: ModelRequest = {
  messages: [{ role: "user", content: `Guten Tag, ${canary}` }],
  outputTokensMax: 400,
};

/** A context that remembers what it was told. */
export interface TestContext extends ModelContext {
  readonly seen: readonly ModelProgress[];
}

/** What differs from a call that nobody disturbs. */
export interface ContextOptions {
  readonly signal?: AbortSignal;
  /** Default: {@link generousMs}. */
  readonly deadlineMs?: number;
  readonly onProgress?: (progress: ModelProgress) => void;
}

/** A context for one call. */
export function createContext(options: ContextOptions = {}): TestContext {
  const seen: ModelProgress[] = [];
  return {
    signal: options.signal ?? new AbortController().signal,
    deadlineAt: performance.now() + (options.deadlineMs ?? generousMs),
    progress(progress) {
      seen.push(progress);
      options.onProgress?.(progress);
    },
    seen,
  };
}

/** What a test works on. */
export interface Setup extends AsyncDisposable {
  readonly server: OpenAiServer;
  readonly model: ModelV1;
}

/** A server and a model on it. */
export async function setup(
  options: OpenAiServerOptions & { readonly model?: Partial<OpenAiModelOptions> } = {},
): Promise<Setup> {
  const server = await startOpenAiServer(options);
  const model = createOpenAiModel({ baseUrl: server.url, model: "tiny", ...options.model });
  return {
    server,
    model,
    async [Symbol.asyncDispose]() {
      await model.close?.();
      await server.stop();
    },
  };
}

/** The error that some work fails with. It must be ours, quote nobody and be well-formed. */
export async function expectModelError(work: Promise<unknown>): Promise<ModelError> {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ModelError.is(thrown)) throw new Error("no ModelError was thrown", { cause: thrown });
  expect(JSON.stringify([thrown.message, thrown])).not.toContain(canary);
  expect(thrown.adapterCode ?? "none").toMatch(/^[a-z0-9_]{1,64}$/);
  return thrown;
}
