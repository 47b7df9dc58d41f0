import { tmpdir } from "node:os";

import { createOllamaAdapter, createOllamaModel } from "@leasehold/adapter-ollama";
import { createOpenAiAdapter, createOpenAiModel } from "@leasehold/adapter-openai";
import { createStubAdapter, createStubModel } from "@leasehold/adapter-stub";
import type { AdapterV1, PhaseRequest } from "@leasehold/core";
import { type ContractRunner, testAdapterContract } from "@leasehold/core/testing";
import {
  createFolderStorage,
  type MediaPreparer,
  type Storage,
  type SubmissionInput,
} from "@leasehold/learning";
import type { ModelRequest, ModelV1 } from "@leasehold/model";
import { testModelContract } from "@leasehold/model/testing";

import { endlessMark, type ModelServer } from "./model-server.ts";

/** What the example makes; who runs the kits knows where it is. */
export interface ExampleBackend {
  createTextServiceModel(options: ServiceOptions): ModelV1;
  createTextServiceAdapter(
    options: ServiceOptions & { readonly storage: Storage; readonly media: MediaPreparer },
  ): AdapterV1;
}

interface ServiceOptions {
  readonly baseUrl: string;
  readonly model: string;
}

/** What the kits run on. */
export interface KitParts {
  readonly server: ModelServer;
  readonly media: MediaPreparer;
  readonly example: ExampleBackend;
}

/** One backend under both kits. */
interface Candidate {
  readonly name: string;
  createModel(): ModelV1;
  createAdapter(): AdapterV1;
  /** Its answers come token by token. */
  readonly streams: boolean;
  /** It asks the server. */
  readonly asksServer: boolean;
}

const texts = {
  valid: "The fox is quick and brown.",
  slow: "The fox waits. [[stub: hang]]",
  endless: `The fox runs and runs. ${endlessMark}`,
  job: "The fox is too much. [[stub: permanent]]",
  backend: "The fox is not at home. [[stub: outage]]",
  config: "The fox is missing. [[stub: missing]]",
};

/** Registers both kits for every backend that is ours, and for the one that is an example. */
export function registerKits(runner: ContractRunner, parts: KitParts): void {
  for (const candidate of listCandidates(parts)) {
    const { name, streams, asksServer } = candidate;
    const backend = asksServer ? { backend: parts.server } : {};
    runner.describe(name, () => {
      testModelContract(runner, {
        setup: () => candidate.createModel(),
        sample: {
          request: toModelRequest(texts.valid),
          slowRequest: toModelRequest(texts.slow),
          failingRequest: toModelRequest(texts.job),
          failures: mapFailures(toModelRequest),
          ...(streams ? { endlessRequest: toModelRequest(texts.endless) } : {}),
        },
        ...backend,
      });
      testAdapterContract(runner, {
        setup: () => candidate.createAdapter(),
        sample: {
          validRequest: toFeedbackRequest(texts.valid),
          slowRequest: toFeedbackRequest(texts.slow),
          invalidRequest: toFeedbackRequest(texts.job),
          failures: mapFailures(toFeedbackRequest),
        },
        ...backend,
      });
    });
  }
}

function listCandidates({ server, media, example }: KitParts): readonly Candidate[] {
  const host = { storage: createFolderStorage({ root: tmpdir() }), media };
  const models = { visionModel: "tiny", feedbackModel: "tiny" };
  const ollama = { baseUrl: server.url };
  const openai = { baseUrl: `${server.url}/v1` };
  const service = { baseUrl: server.url, model: "tiny" };
  return [
    {
      name: "stub",
      createModel: () => createStubModel({ markers: true }),
      createAdapter: () => createStubAdapter({ ...host, markers: true }),
      streams: false,
      asksServer: false,
    },
    {
      name: "ollama",
      createModel: () => createOllamaModel({ ...ollama, model: "tiny", imagesExpected: true }),
      createAdapter: () => createOllamaAdapter({ ...host, ...models, ...ollama }),
      streams: true,
      asksServer: true,
    },
    {
      name: "openai",
      createModel: () => createOpenAiModel({ ...openai, model: "tiny", imagesExpected: true }),
      createAdapter: () => createOpenAiAdapter({ ...host, ...models, ...openai }),
      streams: true,
      asksServer: true,
    },
    {
      name: "example",
      createModel: () => example.createTextServiceModel(service),
      createAdapter: () => example.createTextServiceAdapter({ ...host, ...service }),
      streams: false,
      asksServer: true,
    },
  ];
}

function mapFailures<Request>(toRequest: (text: string) => Request): {
  readonly job: Request;
  readonly backend: Request;
  readonly config: Request;
} {
  return {
    job: toRequest(texts.job),
    backend: toRequest(texts.backend),
    config: toRequest(texts.config),
  };
}

function toModelRequest(content: string): ModelRequest {
  return { messages: [{ role: "user", content }], outputTokensMax: 4_096 };
}

/** What the worker asks for when a text was submitted: nobody has to read it from pages. */
function toFeedbackRequest(text: string): PhaseRequest {
  const input: SubmissionInput = {
    submissionId: "5b2cbb0f-3c2e-4d4c-a9e3-3d3b6c1f1a10",
    kind: "text",
    text,
    criteria: [{ id: "c1", name: "Content", maxScore: 5 }],
    language: "en",
  };
  return {
    type: "learning.submission",
    phase: "feedback",
    input,
    results: { vision: { text, pages: [{ page: 1, source: "given", characters: text.length }] } },
    parts: [],
  };
}
