import { expect, test } from "bun:test";

import type { ModelImage, ModelMessage } from "@leasehold/model";

import {
  createOllamaModel,
  findOllamaProfile,
  ollamaKnownModels,
  ollamaTextProfile,
  ollamaVisionProfile,
} from "../src/index.ts";
import { recordCall, request, setup } from "./setup.ts";

const image: ModelImage = {
  mediaType: "image/png",
  width: 640,
  height: 480,
  bytes: new Uint8Array([1, 2, 3]),
};
const schema = { type: "object", properties: { note: { type: "string" } } };
const messages: readonly ModelMessage[] = [
  { role: "system", content: "Read the page." },
  { role: "user", content: "Page 1.", images: [image] },
  { role: "assistant", content: "Half." },
  { role: "user", content: "Again, in full." },
];

test("knows a model by its name, whatever its size and wherever it comes from", () => {
  for (const model of ["glm-ocr", "GLM-OCR:bf16", "registry.lan:5000/ns/glm-ocr:latest"]) {
    expect(findOllamaProfile(model, "vision").fixedPrompt).toBe("Text Recognition:");
  }
  expect(findOllamaProfile("qwen3-vl:8b", "vision")).toEqual({
    ...ollamaVisionProfile,
    imagePatchPixels: 32,
  });
  for (const model of ["qwen3-vl-like", "my-glm-ocr", ""]) {
    expect(findOllamaProfile(model, "text")).toEqual(ollamaTextProfile);
  }
});

test.each(ollamaKnownModels.map(({ name }) => name))("has a profile for %s that holds", (model) => {
  const create = (): unknown =>
    createOllamaModel({ baseUrl: "http://127.0.0.1", model, imagesExpected: true });

  expect(create).not.toThrow();
});

test("keeps instructions where the program put them", async () => {
  await using subject = await setup({ model: { model: "tinyvision", imagesExpected: true } });

  await subject.model.generate({ messages, outputTokensMax: 50 }, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  expect(body["messages"]).toMatchObject([
    { role: "system", content: "Read the page." },
    { role: "user", content: "Page 1.", images: ["AQID"] },
    { role: "assistant", content: "Half." },
    { role: "user", content: "Again, in full." },
  ]);
});

test("puts instructions before the user's words for a model that knows no other place", async () => {
  await using subject = await setup({
    model: {
      model: "tinyvision",
      imagesExpected: true,
      profile: { instructions: "user", jsonMode: "words" },
    },
  });

  await subject.model.generate({ messages, schema, outputTokensMax: 50 }, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  const said = body["messages"] as readonly { readonly role: string; readonly content: string }[];
  expect(said.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  expect(said[0]).toMatchObject({ content: "Read the page.\n\nPage 1.", images: ["AQID"] });
  expect(said[2]?.content).toStartWith("Again, in full.\n\nAnswer with one JSON document");
  expect(said[2]?.content).toEndWith(JSON.stringify(schema));
  expect(body).not.toHaveProperty("format");
});

test("asks for JSON in words where the model does better without a grammar", async () => {
  await using subject = await setup({ model: { profile: { jsonMode: "words" } } });

  const { provenance } = await subject.model.generate({ ...request, schema }, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  expect(subject.model.capabilities.structuredOutput).toBe("prompt");
  expect(body).not.toHaveProperty("format");
  expect(JSON.stringify(body["messages"])).toContain("JSON Schema");
  expect(provenance.options).toMatchObject({ format: "text" });
});

test("says one sentence and the picture to a model that was trained on it, and states the sentence", async () => {
  await using subject = await setup({
    models: ["glm-ocr:latest"],
    model: { model: "glm-ocr", imagesExpected: true },
  });

  const { provenance } = await subject.model.generate(
    { messages, outputTokensMax: 50 },
    recordCall(),
  );

  const { body } = await subject.server.waitForRequest("chat");
  expect(body["messages"]).toEqual([
    { role: "user", content: "Text Recognition:", images: ["AQID"] },
  ]);
  expect(subject.model.capabilities.structuredOutput).toBe("none");
  expect(provenance.options).toMatchObject({ prompt: "Text Recognition:" });
});

test("takes the program's words again where a host says so", async () => {
  await using subject = await setup({
    models: ["glm-ocr:latest"],
    model: { model: "glm-ocr", imagesExpected: true, profile: { fixedPrompt: "" } },
  });

  await subject.model.generate({ messages, outputTokensMax: 50 }, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  expect(body["messages"]).toHaveLength(4);
});
