import { afterAll, describe, test } from "bun:test";

import { testModelContract } from "@leasehold/model/testing";

import { createOpenAiModel } from "../src/index.ts";
import { refuse, startOpenAiServer } from "./openai-server.ts";

const slow = "Please think about this for a long time.";
const failing = "Please fail on this request.";

const server = await startOpenAiServer({
  script: ({ kind, body }) => {
    if (kind !== "chat") return undefined;
    const said = JSON.stringify(body["messages"]);
    if (said.includes(slow)) return { kind: "silence" };
    return said.includes(failing) ? refuse(500, "CUDA out of memory") : undefined;
  },
  answer: ({ body }) =>
    body["response_format"] === undefined ? "Gut gemacht." : '{"note":"Gut gemacht.","level":2}',
});

afterAll(() => server.stop());

for (const capable of [false, true]) {
  describe(capable ? "a model that reads pictures and schemas" : "a model of words alone", () => {
    testModelContract(
      { describe, test },
      {
        setup: () =>
          createOpenAiModel({
            baseUrl: server.url,
            model: "tiny",
            imagesExpected: capable,
            structuredOutput: capable ? "grammar" : "none",
          }),
        sample: {
          request: toRequest("Please say something kind."),
          slowRequest: toRequest(slow),
          failingRequest: toRequest(failing),
        },
      },
    );
  });
}

function toRequest(content: string): {
  readonly messages: readonly [{ readonly role: "user"; readonly content: string }];
  readonly outputTokensMax: number;
} {
  return { messages: [{ role: "user", content }], outputTokensMax: 200 };
}
