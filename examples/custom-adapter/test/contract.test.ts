import { afterAll, describe, test } from "bun:test";
import { tmpdir } from "node:os";

import type { PhaseRequest } from "@leasehold/core";
import { testAdapterContract } from "@leasehold/core/testing";
import {
  createFolderStorage,
  createMediaPreparer,
  type SubmissionInput,
} from "@leasehold/learning";
import type { ModelRequest } from "@leasehold/model";
import { testModelContract } from "@leasehold/model/testing";
import { createTextServiceAdapter, createTextServiceModel } from "example-custom-adapter";
import { startTextService } from "example-custom-adapter/testing";

const service = startTextService();
const media = createMediaPreparer();
afterAll(async () => {
  await media.close();
  await service[Symbol.asyncDispose]();
});

const options = { baseUrl: service.url, model: "tiny" };
const texts = {
  valid: "The fox is quick and brown.",
  slow: "The fox waits. [[stub: hang]]",
  invalid: "The fox is too much. [[stub: permanent]]",
};

testModelContract(
  { describe, test },
  {
    setup: () => createTextServiceModel(options),
    sample: {
      request: toModelRequest(texts.valid),
      slowRequest: toModelRequest(texts.slow),
      failingRequest: toModelRequest(texts.invalid),
    },
  },
);

testAdapterContract(
  { describe, test },
  {
    setup: () =>
      createTextServiceAdapter({
        ...options,
        storage: createFolderStorage({ root: tmpdir() }),
        media,
      }),
    sample: {
      validRequest: toFeedbackRequest(texts.valid),
      slowRequest: toFeedbackRequest(texts.slow),
      invalidRequest: toFeedbackRequest(texts.invalid),
    },
  },
);

function toModelRequest(content: string): ModelRequest {
  return { messages: [{ role: "user", content }], outputTokensMax: 200 };
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
    results: {
      vision: { text, pages: [{ page: 1, source: "given", characters: text.length }] },
    },
    parts: [],
  };
}
