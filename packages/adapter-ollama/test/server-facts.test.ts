import { expect, test } from "bun:test";

import { isOlderThan } from "../src/server-version.ts";
import { faults } from "./replay-server.ts";
import { expectModelError, recordCall, request, setup } from "./setup.ts";

const signal = new AbortController().signal;
const kindsOf = ({ requests }: { readonly requests: readonly { readonly kind: string }[] }) =>
  requests.map(({ kind }) => kind);

test("refuses to load a model that reads no pictures, before it is asked to", async () => {
  await using subject = await setup({ model: { model: "tiny", imagesExpected: true } });

  const error = await expectModelError(subject.model.prepare?.(recordCall()) ?? Promise.resolve());
  const health = await subject.model.probe?.(signal);

  expect(error).toMatchObject({
    code: "model_unsuitable",
    scope: "config",
    retryable: false,
    adapterCode: "images_unsupported",
  });
  expect(health).toEqual({ status: "failed", detail: error.message });
  expect(kindsOf(subject.server)).not.toContain("load");
});

test("refuses to load a model that does not write", async () => {
  const body = JSON.stringify({ capabilities: ["embedding"], model_info: {} });
  await using subject = await setup({
    script: [{ kind: "reply", status: 200, contentType: "application/json", body, on: "show" }],
  });

  const error = await expectModelError(subject.model.prepare?.(recordCall()) ?? Promise.resolve());

  expect(error).toMatchObject({ code: "model_unsuitable", adapterCode: "capability_missing" });
});

test.each([
  ["says nothing of it", { kind: "reply", status: 200, contentType: "text/plain", body: "{}" }],
  ["answers with rubbish", { kind: "reply", status: 200, contentType: "text/plain", body: "<p>" }],
  ["does not know the question", { kind: "replay", name: "unknown route" }],
] as const)("loads a model of which the server %s", async (_, step) => {
  await using subject = await setup({
    script: ({ kind }) => (kind === "show" ? step : undefined),
    model: { model: "tinyvision", imagesExpected: true },
  });

  await subject.model.prepare?.(recordCall());

  expect(kindsOf(subject.server)).toContain("load");
});

test("asks what a server and its model are once, and again after an outage", async () => {
  await using subject = await setup();

  await subject.model.prepare?.(recordCall());
  await subject.model.prepare?.(recordCall());
  subject.server.play(faults.dropped);
  await expectModelError(subject.model.generate(request, recordCall()));
  await subject.model.prepare?.(recordCall());

  expect(kindsOf(subject.server).join(" ")).toBe(
    "tags version show load tags load chat tags version show load",
  );
});

test("does not wait for a model on a server that does not even say what it has", async () => {
  await using subject = await setup({
    script: ({ kind }) => (kind === "tags" ? faults.dropped : undefined),
  });

  const error = await expectModelError(subject.model.prepare?.(recordCall()) ?? Promise.resolve());

  expect(error).toMatchObject({ code: "backend_unreachable", scope: "backend", retryable: true });
  expect(kindsOf(subject.server)).not.toContain("load");
});

test("asks again what a model is when another one bears its name", async () => {
  let digest = "1".repeat(64);
  await using subject = await setup({
    script: ({ kind }) =>
      kind === "tags"
        ? {
            kind: "reply",
            status: 200,
            contentType: "application/json",
            body: JSON.stringify({ models: [{ name: "tiny:latest", digest }] }),
          }
        : undefined,
  });

  await subject.model.prepare?.(recordCall());
  digest = "2".repeat(64);
  await subject.model.prepare?.(recordCall());

  expect(kindsOf(subject.server).filter((kind) => kind === "show")).toHaveLength(2);
});

test("loads once for any number of calls, because all of them name the same window", async () => {
  await using subject = await setup();

  await subject.model.prepare?.(recordCall());
  await subject.model.generate({ ...request, outputTokensMax: 20 }, recordCall());
  await subject.model.generate({ ...request, outputTokensMax: 4_000, seed: 1 }, recordCall());

  const runners = subject.server.requests
    .filter(({ kind }) => kind === "load" || kind === "chat")
    .map(({ body }) => [(body["options"] as { num_ctx?: number }).num_ctx, body["shift"]]);
  expect(runners).toEqual([16_384, 16_384, 16_384].map((window) => [window, false]));
});

test.each([
  ["0.31.1", "0.31.2", true],
  ["0.31.2-rc1", "0.31.2", false],
  ["v0.9.12", "0.31.2", true],
  ["1.0.0", "0.31.2", false],
  // A build of one's own has no number, and who answers nothing is not accused of age.
  ["0.0.0", "0.31.2", false],
  ["dev", "0.31.2", false],
  [undefined, "0.31.2", false],
])("%p is older than %s: %p", (version, than, expected) => {
  expect(isOlderThan(version, than)).toBe(expected);
});
