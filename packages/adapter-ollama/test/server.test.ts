import { expect, test } from "bun:test";
import { createServer } from "node:net";

import { createOllamaModel, type OllamaFetch } from "../src/index.ts";
import { faults, startReplayServer } from "./replay-server.ts";
import { expectModelError, recordCall, request, setup } from "./setup.ts";

const signal = new AbortController().signal;

/** A port on which nobody listens. */
async function findClosedPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    }),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a server that is down is an outage", async () => {
  const baseUrl = `http://127.0.0.1:${await findClosedPort()}`;
  const model = createOllamaModel({ baseUrl, model: "tiny" });

  const error = await expectModelError(model.generate(request, recordCall()));
  const health = await model.probe?.(signal);

  expect(error).toMatchObject({
    code: "backend_unreachable",
    scope: "backend",
    retryable: true,
    adapterCode: "econnrefused",
  });
  expect(health?.status).toBe("failed");
  expect(health?.detail).toMatch(/cannot be reached/);
});

test("a connection that breaks before the answer is an outage", async () => {
  await using subject = await setup({ script: [faults.dropped] });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({ code: "backend_unreachable", scope: "backend", retryable: true });
});

test("a connection that breaks in the middle costs the answer", async () => {
  await using subject = await setup({ script: [faults.droppedMidStream] });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({
    code: "backend_failed",
    scope: "backend",
    retryable: true,
    adapterCode: "answer_cut",
  });
});

test.each([
  ["UND_ERR_HEADERS_TIMEOUT", "backend_timeout", "backend"],
  ["UND_ERR_BODY_TIMEOUT", "backend_timeout", "backend"],
  ["ETIMEDOUT", "backend_unreachable", "backend"],
  ["ENOTFOUND", "backend_unreachable", "backend"],
  ["EAI_AGAIN", "backend_unreachable", "backend"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "config_invalid", "config"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "config_invalid", "config"],
])("takes %s of a runtime for %s", async (code, expected, scope) => {
  const failing: OllamaFetch = async () => {
    throw new TypeError("fetch failed", { cause: Object.assign(new Error("inner"), { code }) });
  };
  const model = createOllamaModel({
    baseUrl: "http://127.0.0.1",
    model: "tiny",
    fetch: failing,
  });

  const error = await expectModelError(model.generate(request, recordCall()));

  expect(error).toMatchObject({ code: expected, scope, adapterCode: code.toLowerCase() });
});

test("follows no redirect: the text would go where nobody sent it", async () => {
  await using elsewhere = await startReplayServer();
  const redirect = {
    kind: "reply",
    status: 307,
    contentType: "text/plain",
    body: "",
    headers: { location: `${elsewhere.url}/api/chat` },
  } as const;
  await using subject = await setup({ script: () => redirect });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({ code: "config_invalid", adapterCode: "redirected" });
  expect(elsewhere.requests).toEqual([]);
});

test("goes straight to a private address, whatever proxy the environment names", async () => {
  await using proxy = await startReplayServer();
  await using subject = await setup();
  const before = process.env["HTTP_PROXY"];
  process.env["HTTP_PROXY"] = proxy.url;
  try {
    await subject.model.generate(request, recordCall());
  } finally {
    if (before === undefined) delete process.env["HTTP_PROXY"];
    else process.env["HTTP_PROXY"] = before;
  }

  expect(proxy.requests).toEqual([]);
  expect(subject.server.requests.map(({ kind }) => kind)).toEqual(["tags", "chat"]);
});

test("asks Bun for a connection without a time-out of its own", async () => {
  await using subject = await setup();
  const inits: unknown[] = [];
  const model = createOllamaModel({
    baseUrl: subject.server.url,
    model: "tiny",
    fetch: (url, init) => {
      inits.push(init);
      return fetch(url, init);
    },
  });

  await model.prepare?.(recordCall());
  await model.generate(request, recordCall());

  expect(inits).toHaveLength(5);
  for (const init of inits) {
    expect(init).toMatchObject({ timeout: false, proxy: false, redirect: "manual" });
  }
});

test("waits as long as a busy server asks", async () => {
  await using subject = await setup({
    script: [
      {
        kind: "reply",
        status: 503,
        contentType: "text/plain",
        body: "",
        headers: { "retry-after": "7" },
      },
      {
        kind: "reply",
        status: 503,
        contentType: "text/plain",
        body: "",
        headers: { "retry-after": "999999" },
      },
      {
        kind: "reply",
        status: 503,
        contentType: "text/plain",
        body: "",
        headers: { "retry-after": "soon" },
      },
    ],
  });

  const waits: unknown[] = [];
  for (let call = 0; call < 3; call += 1) {
    const error = await expectModelError(subject.model.generate(request, recordCall()));
    waits.push(error.retryAfterMs);
  }

  expect(waits).toEqual([7_000, 600_000, 5_000]);
});

test("reads no more of a failure than it needs", async () => {
  await using subject = await setup({
    script: [{ kind: "stream", status: 500, pieces: ["x".repeat(100_000)], end: "stall" }],
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error.adapterCode).toBe("http_500");
  await subject.server.waitForAbort("chat");
});

test("is well when the server has the model", async () => {
  await using subject = await setup();

  expect(await subject.model.probe?.(signal)).toEqual({ status: "ok" });
  expect(subject.server.requests.map(({ kind }) => kind)).toEqual(["version", "tags", "show"]);
});

test("finds a model under its full name and its short one", async () => {
  await using subject = await setup({ models: ["ns/bare:latest", "tagged:8b"] });
  const probe = async (model: string): Promise<string | undefined> => {
    const health = await createOllamaModel({ baseUrl: subject.server.url, model }).probe?.(signal);
    return health?.status;
  };

  expect(await probe("tiny")).toBe("ok");
  expect(await probe("tiny:latest")).toBe("ok");
  expect(await probe("ns/bare")).toBe("ok");
  expect(await probe("tagged:8b")).toBe("ok");
  expect(await probe("tagged")).toBe("failed");
  expect(await probe("tiny:8b")).toBe("failed");
});

test("says in our words that the model is missing", async () => {
  await using subject = await setup({ model: { model: "nope" } });

  const health = await subject.model.probe?.(signal);

  expect(health).toEqual({
    status: "failed",
    detail: `Ollama (${subject.server.host}/nope): the server does not have this model; pull it there, or name another.`,
  });
});

test.each(["[]", "<html>", '{"models":7}', '{"version":1}', "null"])(
  "is not well when %s answers in Ollama's place",
  async (body) => {
    await using subject = await setup({
      script: () => ({ kind: "reply", status: 200, contentType: "text/html", body }),
    });

    const health = await subject.model.probe?.(signal);

    expect(health?.status).toBe("failed");
    expect(health?.detail).toMatch(/not in Ollama's form/);
  },
);

test("a probe ends when it is aborted", async () => {
  await using subject = await setup({ script: () => faults.slowHeaders });
  const controller = new AbortController();
  const probing = subject.model.probe?.(controller.signal);
  await subject.server.waitForRequest("version");

  controller.abort();

  expect(await probing).toMatchObject({ status: "failed" });
  await subject.server.waitForAbort("version");
});

test.each([
  ["an error", { kind: "reply", status: 500, contentType: "text/plain", body: "" }],
  ["rubbish", { kind: "reply", status: 200, contentType: "text/plain", body: "<html>" }],
  [
    "a digest that is none",
    {
      kind: "reply",
      status: 200,
      contentType: "application/json",
      body: '{"models":[{"name":"tiny:latest","digest":"Guten Tag, Kanarienvogel"}]}',
    },
  ],
  [
    "no models",
    { kind: "reply", status: 200, contentType: "application/json", body: '{"models":null}' },
  ],
] as const)("answers without a digest when the list of models is %s", async (_, step) => {
  await using subject = await setup({
    script: ({ kind }) => (kind === "tags" ? step : undefined),
  });

  await subject.model.prepare?.(recordCall());
  const { text, provenance } = await subject.model.generate(request, recordCall());

  expect(text).toBe("Gut gemacht.");
  expect(provenance).not.toHaveProperty("digest");
});

test("asks for the digest once per load, or once before the first call", async () => {
  await using subject = await setup();

  await subject.model.generate(request, recordCall());
  await subject.model.generate(request, recordCall());
  await subject.model.prepare?.(recordCall());
  await subject.model.generate(request, recordCall());

  expect(subject.server.requests.map(({ kind }) => kind)).toEqual([
    "tags",
    "chat",
    "chat",
    "tags",
    "version",
    "show",
    "load",
    "chat",
  ]);
});

test("sends nothing to a model that the server only forwards to", async () => {
  const remote = {
    name: "tiny:latest",
    remote_model: "gpt-oss:120b",
    remote_host: "https://ollama.com:443",
  };
  const body = JSON.stringify({ models: [remote] });
  await using subject = await setup({
    script: ({ kind }) =>
      kind === "tags"
        ? { kind: "reply", status: 200, contentType: "application/json", body }
        : undefined,
  });
  const expected = { code: "config_invalid", scope: "config", adapterCode: "model_remote" };

  const loading = await expectModelError(
    subject.model.prepare?.(recordCall()) ?? Promise.resolve(),
  );
  const call = await expectModelError(subject.model.generate(request, recordCall()));
  const health = await subject.model.probe?.(signal);

  expect(loading).toMatchObject(expected);
  expect(call).toMatchObject(expected);
  expect(health?.status).toBe("failed");
  expect(new Set(subject.server.requests.map(({ kind }) => kind))).toEqual(
    new Set(["tags", "version"]),
  );
});
