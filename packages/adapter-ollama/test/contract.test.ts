import { afterAll, describe, test } from "bun:test";

import { testModelContract } from "@leasehold/model/testing";

import { createOllamaModel } from "../src/index.ts";
import { faults, startReplayServer } from "./replay-server.ts";

const slow = "Please think about this for a long time.";
const failing = "Please fail on this request.";

const server = await startReplayServer({
  script: ({ kind, body }) => {
    if (kind !== "chat") return undefined;
    const said = JSON.stringify(body["messages"]);
    if (said.includes(slow)) return faults.slowHeaders;
    return said.includes(failing) ? faults.outOfMemory : undefined;
  },
  answer: ({ body }) =>
    body["format"] === undefined ? "Gut gemacht." : '{ "note": "Gut gemacht.", "level": 2 }',
});

afterAll(() => server.stop());

for (const imagesExpected of [false, true]) {
  describe(imagesExpected ? "a model that reads pictures" : "a model that reads text", () => {
    testModelContract(
      { describe, test },
      {
        setup: () => createOllamaModel({ baseUrl: server.url, model: "tiny", imagesExpected }),
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
