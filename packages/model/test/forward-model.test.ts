import { expect, test } from "bun:test";

import {
  forwardModel,
  type ModelContext,
  type ModelHealth,
  type ModelRequest,
  type ModelV1,
} from "@leasehold/model";

import { createContext, createScriptedModel } from "./scripted-model.ts";

/** A model whose members are not its own: they are of its class, and speak of `this`. */
class Librarian implements ModelV1 {
  readonly specVersion = "v1";
  readonly concurrency = 2;
  readonly calls: string[] = [];
  readonly #inner = createScriptedModel(["Good day."]);

  get name(): string {
    return "librarian";
  }
  get version(): string {
    return this.#inner.version;
  }
  get resource(): string {
    return this.#inner.resource;
  }
  get capabilities(): ModelV1["capabilities"] {
    return this.#inner.capabilities;
  }
  async prepare({ deadlineAt }: ModelContext): Promise<void> {
    this.calls.push(`prepare ${deadlineAt}`);
  }
  generate(request: ModelRequest, context: ModelContext) {
    this.calls.push("generate");
    return this.#inner.generate(request, context);
  }
  async probe(): Promise<ModelHealth> {
    this.calls.push("probe");
    return { status: "failed", detail: "It is late." };
  }
  async close(): Promise<void> {
    this.calls.push("close");
  }
}

const request: ModelRequest = {
  messages: [{ role: "user", content: "Good day?" }],
  outputTokensMax: 10,
};

test("passes on every member of a class, with its own `this`, after it was spread", async () => {
  const librarian = new Librarian();
  const { name, version, resource, capabilities, concurrency } = librarian;

  const model: ModelV1 = { ...forwardModel(librarian) };
  await model.prepare?.(createContext({ deadlineAt: 7 }));
  const response = await model.generate(request, createContext());
  const health = await model.probe?.(AbortSignal.timeout(1_000));
  await model.close?.();

  expect(model).toMatchObject({ name, version, resource, capabilities, concurrency });
  expect(response.text).toBe("Good day.");
  expect(health).toEqual({ status: "failed", detail: "It is late." });
  expect(librarian.calls).toEqual(["prepare 7", "generate", "probe", "close"]);
});

test("a model that cannot prepare or be probed cannot when it is wrapped, and closes as nothing", async () => {
  const model = forwardModel(createScriptedModel([]));

  expect(Object.keys(model)).not.toContainAnyValues(["prepare", "probe", "concurrency"]);
  expect(await model.close?.()).toBeUndefined();
});
