import { describe, expect, test } from "bun:test";

import { createStubModel, type StubModelOptions } from "@leasehold/adapter-stub";
import type { ModelRequest } from "@leasehold/model";
import { testModelContract } from "@leasehold/model/testing";

import { encodePicture } from "./pictures.ts";
import { call, codeOf, words } from "./stub-call.ts";

const sample = {
  request: words("Say something about the weather."),
  slowRequest: words("[[stub: hang]] until the end of time"),
  failingRequest: words("[[stub: permanent]] on this very sentence"),
};

const stubs: readonly (readonly [string, StubModelOptions])[] = [
  ["a stub of everything", {}],
  ["a stub without pictures", { capabilities: { images: false } }],
  ["a stub of prose", { capabilities: { structuredOutput: "none" } }],
  ["a stub whose schema is asked for in words", { capabilities: { structuredOutput: "prompt" } }],
];

describe.each(stubs)("%s", (_name, options) => {
  testModelContract(
    { describe, test },
    { setup: () => createStubModel({ ...options, markers: true }), sample },
  );
});

const schema = {
  type: "object",
  properties: {
    reason: { type: "string", maxLength: 60 },
    score: { type: "integer", minimum: 0, maximum: 10 },
  },
  required: ["reason", "score"],
  additionalProperties: false,
};

/** Every way in which a request can differ in content. */
async function createVariants(): Promise<readonly ModelRequest[]> {
  const request = words("Assess the text.", { schema });
  const [system] = words("Assess the text.").messages;
  const image = { mediaType: "image/png", width: 1, height: 1 } as const;
  const [small, large] = await Promise.all([
    encodePicture("image/png", [1, 1]),
    encodePicture("image/png", [2, 1]),
  ]);
  const look = (bytes: Uint8Array): ModelRequest => ({
    ...request,
    messages: [{ role: "user", content: "Assess the text.", images: [{ ...image, bytes }] }],
  });
  return [
    request,
    words("Assess the text!", { schema }),
    { ...request, messages: [{ ...system, role: "system", content: "Assess the text." }] },
    { ...request, messages: [...request.messages, ...request.messages] },
    { ...request, schema: { ...schema, title: "another" } },
    look(small),
    look(large),
  ];
}

test("gives the same bytes for the same request, on every machine and in every version of a runtime", async () => {
  const { text, usage } = await call(createStubModel(), words("Assess the text.", { schema }));

  expect(text).toBe('{"reason":"Synthetic text 6313601a.","score":4}');
  expect(usage).toEqual({ inputTokens: 4, outputTokens: 12 });
});

test("answers otherwise when anything in the content of a request differs", async () => {
  const variants = await createVariants();

  const texts = await Promise.all(
    variants.map(async (request) => (await call(createStubModel(), request)).text),
  );

  expect(new Set(texts).size).toBe(variants.length);
});

test("answers the same whatever the seed, the temperature or the limit", async () => {
  const request = words("Assess the text.", { schema });

  const texts = [
    request,
    { ...request, seed: 4, temperature: 1 },
    { ...request, outputTokensMax: 999 },
  ];

  const answers = await Promise.all(
    texts.map(async (variant) => (await call(createStubModel(), variant)).text),
  );
  expect(new Set(answers).size).toBe(1);
});

test("says in prose that it is synthetic and quotes nothing", async () => {
  const { text } = await call(createStubModel(), words("My name is Ilse Abendroth."));

  expect(text).toContain("This text is synthetic");
  expect(text).toMatch(/^\[stub prose\] messages=1 characters=26 sha256=[0-9a-f]{64}$/m);
  expect(text).not.toContain("Ilse");
});

test("marks every answer as synthetic and carries the name it was given", async () => {
  const model = createStubModel({ model: "qwen-double", resource: "stub/feedback" });

  const { provenance } = await call(model, words("Hello there."));

  expect(model.resource).toBe("stub/feedback");
  expect(provenance).toEqual({
    adapter: "stub",
    model: "qwen-double",
    synthetic: true,
    options: {},
  });
});

test("cuts at the limit of tokens, as a real model would", async () => {
  const { text, finish, usage } = await call(
    createStubModel(),
    words("Hello there.", { outputTokensMax: 3 }),
  );

  expect(finish).toBe("length");
  expect(text).toBe("This text is");
  expect(usage.outputTokens).toBe(3);
});

test("shows the stages of a call in order", async () => {
  const stages: string[] = [];

  await call(createStubModel(), words("Hello there."), {
    progress: ({ stage }) => void stages.push(stage),
  });

  expect(stages).toEqual(["queued", "prefill", "decoding"]);
});

test.each(["queued", "prefill", "decoding"])(
  "gives no answer to somebody who aborts while it is %s",
  async (last) => {
    const controller = new AbortController();
    const stages: string[] = [];

    const code = await codeOf(
      call(createStubModel(), words("Hello there."), {
        signal: controller.signal,
        progress: ({ stage }) => {
          stages.push(stage);
          if (stage === last) controller.abort();
        },
      }),
    );

    expect(code).toBe("aborted");
    expect(stages.at(-1)).toBe(last);
  },
);
