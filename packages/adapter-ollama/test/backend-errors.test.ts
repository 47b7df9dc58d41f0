import { expect, test } from "bun:test";

import { toBackendError } from "../src/backend-errors.ts";
import { canary } from "./setup.ts";

type Row = readonly [
  status: number | undefined,
  text: string,
  expected: readonly [code: string, scope: string, retryable: boolean, adapterCode: string],
];

const rows: readonly Row[] = [
  [404, "model 'nope' not found", ["model_missing", "config", false, "model_missing"]],
  [
    404,
    'model "nope" not found, try pulling it first',
    ["model_missing", "config", false, "model_missing"],
  ],
  [404, "404 page not found", ["config_invalid", "config", false, "route_missing"]],
  [405, "405 method not allowed", ["config_invalid", "config", false, "route_missing"]],
  [
    503,
    "server busy, please try again.  maximum pending requests exceeded",
    ["backend_busy", "backend", true, "queue_full"],
  ],
  [503, "Server overloaded, please retry shortly", ["backend_busy", "backend", true, "queue_full"]],
  [503, "<html>Service Unavailable</html>", ["backend_busy", "backend", true, "queue_full"]],
  [429, "too many requests", ["backend_busy", "backend", true, "rate_limited"]],
  [502, "<html>Bad Gateway</html>", ["backend_failed", "backend", true, "bad_gateway"]],
  [504, "<html>Gateway Timeout</html>", ["backend_timeout", "backend", true, "gateway_timeout"]],
  [401, "unauthorized", ["config_invalid", "config", false, "access_refused"]],
  [403, "", ["config_invalid", "config", false, "access_refused"]],
  [302, "", ["config_invalid", "config", false, "redirected"]],
  [
    413,
    "<html>Request Entity Too Large</html>",
    ["input_too_large", "job", false, "request_too_large"],
  ],
  [
    500,
    'invalid format: "yaml"; expected "json" or a valid JSON Schema object',
    ["config_invalid", "config", false, "schema_refused"],
  ],
  [
    400,
    "JSON schema conversion failed:\\nunrecognized type banana",
    ["config_invalid", "config", false, "schema_refused"],
  ],
  [400, "failed to parse grammar", ["config_invalid", "config", false, "schema_refused"]],
  [
    500,
    'option "num_predict" must be of type integer',
    ["config_invalid", "config", false, "option_refused"],
  ],
  [
    400,
    '"tiny" does not support thinking',
    ["model_unsuitable", "config", false, "capability_missing"],
  ],
  [
    400,
    "tiny does not support generate",
    ["model_unsuitable", "config", false, "capability_missing"],
  ],
  [
    400,
    "model does not support multimodal requests.",
    ["model_unsuitable", "config", false, "images_unsupported"],
  ],
  [
    500,
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    ["model_unsuitable", "config", false, "images_unsupported"],
  ],
  [
    400,
    "the prompt is longer than the context length, currently 2048",
    ["input_too_large", "job", false, "context_exceeded"],
  ],
  [
    400,
    "request (6002 tokens) exceeds the available context size (2048 tokens)",
    ["input_too_large", "job", false, "context_exceeded"],
  ],
  [400, "illegal base64 data at input byte 0", ["input_corrupt", "job", false, "image_refused"]],
  [400, "Failed to load image or audio file", ["input_corrupt", "job", false, "image_refused"]],
  [500, "failed to process image", ["input_corrupt", "job", false, "image_refused"]],
  [
    500,
    "model runner has unexpectedly stopped, this may be due to resource limitations",
    ["backend_failed", "model", true, "runner_crashed"],
  ],
  [
    500,
    "an error was encountered while running the model: unexpected EOF",
    ["backend_failed", "model", true, "runner_crashed"],
  ],
  [
    500,
    "llama-server process has terminated: exit status 2",
    ["backend_failed", "model", true, "runner_crashed"],
  ],
  [
    500,
    "llama-server process has terminated: cudaMalloc failed: out of memory",
    ["backend_failed", "model", true, "out_of_memory"],
  ],
  [
    500,
    "an error was encountered while running the model: CUDA error: out of memory",
    ["backend_failed", "model", true, "out_of_memory"],
  ],
  [
    500,
    "model requires more system memory: not enough memory",
    ["backend_failed", "model", true, "out_of_memory"],
  ],
  [500, "vk_error_out_of_device_memory", ["backend_failed", "model", true, "out_of_memory"]],
  [500, "unable to load full model on GPU", ["backend_failed", "model", true, "out_of_memory"]],
  [
    500,
    "timed out waiting for llama-server to start",
    ["backend_timeout", "model", true, "load_stalled"],
  ],
  [500, "something nobody has seen yet", ["backend_failed", "backend", true, "http_500"]],
  [507, "", ["backend_failed", "backend", true, "http_507"]],
  [400, "something nobody has seen yet", ["backend_failed", "job", true, "http_400"]],
  [499, "request canceled", ["backend_failed", "job", true, "http_499"]],
  [
    undefined,
    "an error was encountered while running the model: unexpected EOF",
    ["backend_failed", "model", true, "runner_crashed"],
  ],
  [undefined, "something nobody has seen yet", ["backend_failed", "backend", true, "error_line"]],
];

test.each(rows)("status %p with %j", (status, text, [code, scope, retryable, adapterCode]) => {
  // As it travels: in JSON, and for some errors in JSON within JSON.
  const bodies = [
    text,
    JSON.stringify({ error: text }),
    JSON.stringify({ error: JSON.stringify({ error: { message: text } }) }),
  ];
  for (const body of bodies) {
    const error = toBackendError({
      resource: "host:1/tiny",
      text: `${body}${canary}`,
      ...(status === undefined ? {} : { status }),
    });

    expect(error).toMatchObject({ code, scope, retryable, adapterCode });
    expect(error.message).toStartWith("Ollama (host:1/tiny): ");
    expect(error.message).not.toContain(canary);
  }
});

test("waits as long as the server asks, and longer for memory than for a full queue", () => {
  const at = (status: number, text: string, retryAfterMs?: number): number | undefined =>
    toBackendError({
      resource: "host:1/tiny",
      status,
      text,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }).retryAfterMs;

  expect(at(503, "")).toBe(5_000);
  expect(at(503, "", 17_000)).toBe(17_000);
  expect(at(500, "out of memory")).toBe(30_000);
  expect(at(404, "model 'x' not found", 17_000)).toBeUndefined();
});

test("looks for known words at the beginning only", () => {
  const text = `${"x".repeat(5_000)} out of memory`;

  const error = toBackendError({ resource: "host:1/tiny", status: 500, text });

  expect(error.adapterCode).toBe("http_500");
});
