import assert from "node:assert/strict";
import { inspect } from "node:util";

import type { z } from "zod";

import {
  type ModelContext,
  ModelError,
  type ModelErrorCode,
  type ModelErrorScope,
  type ModelImage,
  type ModelProgress,
  type ModelRequest,
  type ModelResponse,
  type ModelV1,
} from "../model.ts";
import { answerMsMax, turnOfLoop, waitUntil, within } from "./loop-time.ts";

/** What the backend behind a model can tell: a test server keeps count, and a model without a backend has none. */
export interface ContractBackend {
  /** Calls that it is working on at this moment. */
  readonly busy: number;
}

/** What one test of the kit works on. */
export interface Subject {
  setup(): Promise<ModelV1>;
  readonly request: ModelRequest;
  readonly slowRequest: ModelRequest;
  readonly failingRequest: ModelRequest;
  /** The plain request where there is none: what needs one is left out then. */
  readonly endlessRequest: ModelRequest;
  readonly failures: Readonly<Partial<Record<ModelErrorScope, ModelRequest>>>;
  readonly backend: ContractBackend;
  readonly image: ModelImage;
  readonly schema: z.ZodType;
}

/** What a sample may lack. */
export type Need = "endlessRequest" | "failures" | "backend";

/** One promise of the contract. */
export interface ModelPromise {
  /** What it cannot be tested without. */
  readonly needs?: readonly Need[];
  check(this: void, subject: Subject): Promise<void>;
}

/** A promise that is tested on a model of its own, which is closed afterwards. */
export function promise(
  check: (model: ModelV1, subject: Subject) => Promise<void>,
  needs: readonly Need[] = [],
): ModelPromise {
  return { needs, check: (subject) => withModel(subject, (model) => check(model, subject)) };
}

/** Makes a model for one test and closes it. */
export async function withModel(
  subject: Subject,
  check: (model: ModelV1) => Promise<void>,
): Promise<void> {
  const model = await subject.setup();
  try {
    await check(model);
  } finally {
    await model.close?.();
  }
}

/** What differs from a call that nobody disturbs. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  progress?(progress: ModelProgress): void;
}

/** The context of one call. */
export function createContext(options: CallOptions = {}): ModelContext {
  return {
    signal: options.signal ?? new AbortController().signal,
    deadlineAt: performance.now() + answerMsMax,
    progress: (progress) => options.progress?.(progress),
  };
}

/** One call. */
export async function call(
  model: ModelV1,
  request: ModelRequest,
  options: CallOptions = {},
): Promise<ModelResponse> {
  return model.generate(request, createContext(options));
}

/** The same request with a picture. */
export function withImage(request: ModelRequest, image: ModelImage): ModelRequest {
  const user = { role: "user", content: "What does this picture show?", images: [image] } as const;
  return { ...request, messages: [...request.messages, user] };
}

/** The error that some work must fail with: ours, and one that makes sense. */
export async function expectError(
  work: Promise<unknown>,
  codes?: readonly ModelErrorCode[],
): Promise<ModelError> {
  const thrown = await work.then(
    () => assert.fail("it succeeded where it had to fail"),
    (reason: unknown) => reason,
  );
  if (!ModelError.is(thrown)) return assert.fail("it threw something that is no ModelError");
  assertMakesSense(thrown);
  if (codes !== undefined) assert.ok(codes.includes(thrown.code), `its code was ${thrown.code}`);
  return thrown;
}

/** Fails when a line of the request turns up somewhere. */
export function assertQuotesNothing(text: string, request: ModelRequest, where: string): void {
  const lines = request.messages
    .flatMap(({ content }) => content.split("\n"))
    .map((line) => line.trim())
    .filter((line) => line.length >= telltaleCharactersMin);
  assert.notEqual(lines.length, 0, "the sample has no line that would be recognised");
  // The message must not quote the line either: it ends up in a build log.
  assert.ok(!lines.some((line) => text.includes(line)), `${where} quotes the request`);
}

/** Shorter lines of a request are too common to prove anything when they turn up elsewhere. */
const telltaleCharactersMin = 8;

/** Whose fault each code can be: what decides whether a job is charged, waits, or waits for a person. */
const scopesOf: Readonly<Record<ModelErrorCode, readonly ModelErrorScope[]>> = {
  aborted: ["backend"],
  backend_busy: ["backend", "model"],
  // A refusal that nobody knows is charged to the one job, rather than held against all.
  backend_failed: ["backend", "model", "job"],
  backend_timeout: ["backend", "model"],
  backend_unreachable: ["backend"],
  config_invalid: ["config"],
  input_corrupt: ["job"],
  input_too_large: ["job"],
  input_unsupported: ["job"],
  model_missing: ["config"],
  model_unsuitable: ["config"],
  output_invalid: ["job"],
  output_runaway: ["job"],
  output_truncated: ["job"],
};

function assertMakesSense({ code, scope, retryable, retryAfterMs }: ModelError): void {
  assert.ok(scopesOf[code].includes(scope), `${code} cannot be the fault of: ${scope}`);
  if (scope === "config") assert.ok(!retryable, "a fault of the configuration mends itself never");
  if (scope === "backend") assert.ok(retryable, "an outage ends");
  assert.ok(retryAfterMs === undefined || retryAfterMs >= 0);
}

/** A call that is under way. */
export interface BegunCall {
  /** Rejections are seen, whether or not somebody waits for them. */
  readonly response: Promise<ModelResponse>;
  abort(this: void): void;
}

/** Starts a call that takes long, and comes back when it has come to a stage, or to its first one. */
export async function begin(
  model: ModelV1,
  request: ModelRequest,
  stage?: ModelProgress["stage"],
): Promise<BegunCall> {
  const controller = new AbortController();
  const started = Promise.withResolvers<void>();
  let isOver = false;
  const response = call(model, request, {
    signal: controller.signal,
    progress: (progress) => {
      if (stage === undefined || progress.stage === stage) started.resolve();
    },
  }).finally(() => (isOver = true));
  response.catch(() => {});
  await within(
    answerMsMax,
    Promise.race([started.promise, response]),
    stage === undefined ? "the first progress" : `progress of the stage ${stage}`,
  );
  // One turn of the loop, so that the call is under way and not merely begun.
  await turnOfLoop();
  assert.equal(isOver, false, "the request was over before it could be aborted");
  return { response, abort: () => controller.abort() };
}

/** Begins a call, aborts it once the backend works on it, and waits until the backend does not any more. */
export async function assertLetsGo(
  backend: ContractBackend,
  start: () => Promise<BegunCall>,
): Promise<void> {
  await waitUntil(() => backend.busy === 0, "the backend to have nothing to do");
  const { response, abort } = await start();
  await waitUntil(() => backend.busy > 0, "the backend to begin");

  abort();

  response.catch(() => {});
  await waitUntil(() => backend.busy === 0, "the backend to stop");
}

/** All that an error shows to somebody who prints it. */
export function show(error: ModelError): string {
  return `${error.stack ?? ""} ${JSON.stringify(error)} ${inspect(error, { depth: 9 })}`;
}
