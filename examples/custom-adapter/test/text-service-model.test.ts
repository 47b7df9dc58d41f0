import { expect, test } from "bun:test";

import { ModelError, type ModelRequest, type ModelV1 } from "@leasehold/model";
import { createTextServiceModel } from "example-custom-adapter";

const request: ModelRequest = {
  messages: [{ role: "user", content: "The fox is quick and brown." }],
  outputTokensMax: 200,
  seed: 7,
};
const answer = { text: "Yes.", isWhole: true, inputTokens: 6, outputTokens: 2, digest: "sha256:1" };

interface Call {
  /** Default: a request in words. */
  readonly request?: ModelRequest;
  readonly signal?: AbortSignal;
}

interface Setup extends AsyncDisposable {
  readonly model: ModelV1;
  generate(call?: Call): ReturnType<ModelV1["generate"]>;
  /** What the call fails with. */
  fail(call?: Call): Promise<ModelError>;
}

/** A model before a service that answers every call in one way. */
function setup(respond: (call: Request) => Response | Promise<Response>): Setup {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: respond });
  const model = createTextServiceModel({ baseUrl: server.url.origin, model: "tiny" });
  const generate: Setup["generate"] = (call = {}) => {
    const signal = call.signal ?? new AbortController().signal;
    return model.generate(call.request ?? request, { signal, deadlineAt: Infinity, progress() {} });
  };
  return {
    model,
    generate,
    async fail(call) {
      const outcome: unknown = await generate(call).catch((error: unknown) => error);
      if (ModelError.is(outcome)) return outcome;
      throw new Error("It had to fail with a ModelError.");
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

test("says what judged, so that a result can be explained later", async () => {
  await using bench = setup(() => Response.json(answer));

  const { provenance, usage } = await bench.generate();

  expect(provenance).toEqual({
    adapter: "text-service@1",
    model: "tiny",
    digest: "sha256:1",
    options: { temperature: 0, outputTokensMax: 200, seed: 7 },
  });
  expect(usage).toEqual({ inputTokens: 6, outputTokens: 2 });
});

test("marks an answer that was cut", async () => {
  await using bench = setup(() => Response.json({ ...answer, isWhole: false }));

  const { finish } = await bench.generate();

  expect(finish).toBe("length");
});

test.each([
  [302, "config_invalid", "config"],
  [401, "config_invalid", "config"],
  [404, "model_missing", "config"],
  [413, "input_too_large", "job"],
  [422, "input_unsupported", "job"],
  [429, "backend_busy", "backend"],
  [500, "backend_failed", "backend"],
  [503, "backend_busy", "backend"],
])("takes the status %i for %s, a fault of the %s", async (status, code, scope) => {
  await using bench = setup(() => new Response("The fox is quick.", { status }));

  const error = await bench.fail();

  expect(error).toMatchObject({ code, scope, adapterCode: `http_${status}` });
  expect(error.retryable).toBe(scope === "backend");
  expect(error.message).not.toContain("fox");
});

test("sends no path for a picture, whatever its caller says", async () => {
  const asked: Request[] = [];
  await using bench = setup((call) => {
    asked.push(call);
    return Response.json(answer);
  });
  const image = { mediaType: "image/png", width: 1, height: 1, bytes: "/etc/hostname" };
  const message = { role: "user", content: "What is this?", images: [image] };

  const error = await bench.fail({ request: { ...request, messages: [message] } as never });

  expect(error.code).toBe("input_corrupt");
  expect(asked).toEqual([]);
});

test("waits as long as a busy service asks for", async () => {
  const headers = { "retry-after": "20" };
  await using bench = setup(() => new Response(null, { status: 429, headers }));

  const { retryAfterMs } = await bench.fail();

  expect(retryAfterMs).toBe(20_000);
});

test.each([
  ["no JSON", () => new Response("<html>")],
  ["another JSON", () => Response.json({ ...answer, text: undefined })],
])("takes %s for an outage, not for the job's fault", async (_name, respond) => {
  await using bench = setup(respond);

  const error = await bench.fail();

  expect(error).toMatchObject({ code: "backend_failed", scope: "backend", retryable: true });
});

test("takes a service that is gone for an outage", async () => {
  const bench = setup(() => Response.json(answer));
  await bench[Symbol.asyncDispose]();

  const error = await bench.fail();
  const health = await bench.model.probe?.(new AbortController().signal);

  expect(error).toMatchObject({ code: "backend_unreachable", scope: "backend", retryable: true });
  expect(health?.status).toBe("failed");
});

test("ends the service's work when its caller gives up", async () => {
  const called = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await using bench = setup(({ signal }) => {
    signal.addEventListener("abort", () => ended.resolve());
    called.resolve();
    return new Promise(() => {});
  });
  const controller = new AbortController();
  const failure = bench.fail({ signal: controller.signal });
  await called.promise;

  controller.abort();

  expect((await failure).code).toBe("aborted");
  await ended.promise;
});
