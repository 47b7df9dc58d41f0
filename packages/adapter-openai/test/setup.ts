import { expect } from "bun:test";

import type { ModelError, ModelRequest, ModelV1 } from "@leasehold/model";
import { caughtModelError } from "@leasehold/model/testing";

import { createOpenAiModel, type OpenAiModelOptions } from "../src/index.ts";
import { type OpenAiServer, type OpenAiServerOptions, startOpenAiServer } from "./openai-server.ts";

export { recordCall } from "@leasehold/model/testing";

/** What a learner would have written: must not turn up anywhere. */
export const canary = "Kanarienvogel-4711";

/** A request in words alone, with the canary in it. */
export const request: ModelRequest = {
  messages: [{ role: "user", content: `Guten Tag, ${canary}` }],
  outputTokensMax: 400,
};

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
  const error = await caughtModelError(work);
  expect(JSON.stringify([error.message, error])).not.toContain(canary);
  expect(error.adapterCode ?? "none").toMatch(/^[a-z0-9_]{1,64}$/);
  return error;
}
