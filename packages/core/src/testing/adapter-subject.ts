import assert from "node:assert/strict";

import type {
  AdapterContext,
  AdapterV1,
  PhaseLogger,
  PhaseProgress,
  PhaseRequest,
  PhaseResult,
  SavedPart,
} from "../adapter.ts";
import { WorkerError, type WorkerErrorScope } from "../errors.ts";
import type { Json } from "../json.ts";
import { answerMsMax, turnOfLoop, waitUntil, within } from "./loop-time.ts";

/** What the backend behind an adapter can tell: a test server keeps count, and an adapter without a backend has none. */
export interface ContractBackend {
  /** Calls that it is working on at this moment. */
  readonly busy: number;
}

/** What one test of the kit works on. */
export interface Subject {
  readonly setup: () => Promise<AdapterV1>;
  readonly validRequest: PhaseRequest;
  readonly invalidRequest: PhaseRequest;
  readonly slowRequest: PhaseRequest;
  readonly failures: Readonly<Partial<Record<WorkerErrorScope, PhaseRequest>>>;
  readonly backend: ContractBackend;
}

/** What a sample may lack. */
export type Need = "invalidRequest" | "slowRequest" | "failures" | "backend";

/** One promise of the contract. */
export interface AdapterPromise {
  /** What it cannot be tested without. */
  readonly needs: readonly Need[];
  readonly check: (subject: Subject) => Promise<void>;
}

/** A promise that is tested on an adapter of its own, which is closed afterwards. */
export function promise(
  check: (adapter: AdapterV1, subject: Subject) => Promise<void>,
  ...needs: readonly Need[]
): AdapterPromise {
  return {
    needs,
    check: (subject) => withAdapter(subject.setup, (adapter) => check(adapter, subject)),
  };
}

/** Makes an adapter for one test and closes it. */
export async function withAdapter<Result>(
  setup: Subject["setup"],
  use: (adapter: AdapterV1) => Promise<Result>,
): Promise<Result> {
  const adapter = await setup();
  try {
    return await use(adapter);
  } finally {
    await adapter.close?.();
  }
}

/** What differs from a call that nobody disturbs. */
export type CallOptions = Partial<
  Pick<AdapterContext, "signal" | "deadlineAt" | "logger" | "progress" | "savePart">
>;

/** One call. */
export async function execute(
  adapter: AdapterV1,
  request: PhaseRequest,
  options: CallOptions = {},
): Promise<PhaseResult> {
  return await adapter.execute(request, {
    jobId: crypto.randomUUID(),
    phase: request.phase,
    attempt: 1,
    signal: new AbortController().signal,
    deadlineAt: performance.now() + answerMsMax,
    logger: createLogger().logger,
    progress: () => undefined,
    savePart: async () => undefined,
    ...options,
  });
}

/** What came of a call that went well. */
export interface Run {
  readonly result: PhaseResult;
  readonly progresses: readonly PhaseProgress[];
  readonly parts: readonly SavedPart[];
  readonly provenances: readonly PhaseResult["provenance"][];
}

/** Executes a request that must succeed, and keeps what was told on the way. */
export async function run(adapter: AdapterV1, request: PhaseRequest): Promise<Run> {
  const progresses: PhaseProgress[] = [];
  const parts: SavedPart[] = [];
  const provenances: PhaseResult["provenance"][] = [];
  const executed = execute(adapter, request, {
    progress: (progress) => void progresses.push(progress),
    async savePart(part: number, output: Json, provenance: PhaseResult["provenance"]) {
      parts.push({ part, output });
      provenances.push(provenance);
    },
  });
  const result = await within(answerMsMax, executed, "the result");
  return { result, progresses: [...progresses], parts: [...parts], provenances };
}

/** Starts a request that takes long, and comes back when it is well under way. */
export async function begin(
  adapter: AdapterV1,
  request: PhaseRequest,
  { signal }: Required<Pick<CallOptions, "signal">>,
): Promise<{ readonly result: Promise<PhaseResult> }> {
  const started = Promise.withResolvers<void>();
  let isOver = false;
  const result = execute(adapter, request, { signal, progress: () => started.resolve() }).finally(
    () => (isOver = true),
  );
  result.catch(() => {});
  await within(answerMsMax, Promise.race([started.promise, result]), "the first progress");
  // One turn of the loop, so that the work is under way and not merely begun.
  await turnOfLoop();
  assert.equal(isOver, false, "slowRequest was over before it could be aborted");
  return { result };
}

/** A logger that remembers. */
export function createLogger(): {
  readonly logger: PhaseLogger;
  readonly lines: readonly string[];
} {
  const lines: string[] = [];
  const log = (event: string, fields: unknown = {}): void =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  return { logger: { info: log, warn: log }, lines };
}

/** The error that some work must fail with. */
export async function expectError(work: Promise<unknown>): Promise<WorkerError> {
  const thrown = await work.then(
    () => assert.fail("it succeeded where it had to fail"),
    (reason: unknown) => reason,
  );
  if (!WorkerError.is(thrown)) {
    return assert.fail("it threw something that is no WorkerError; wrap it");
  }
  const { scope, retryable } = thrown;
  assert.ok(scope !== "config" || !retryable, "a fault of the configuration mends itself never");
  return thrown;
}

/** Fails when a value is not JSON through and through. */
export function assertJson(value: unknown, what: string): void {
  assert.ok(isJson(value), `${what} holds something that JSON cannot carry`);
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (Object.prototype.toString.call(value) !== "[object Object]") return false;
  // An absent property and one that is undefined are the same in JSON.
  return Object.values(Object(value)).every((item) => item === undefined || isJson(item));
}

/** Fails when a sentence of the request turns up somewhere. */
export function assertQuotesNothing(text: string, request: PhaseRequest, where: string): void {
  const sentences = listSentences([request.input, request.results, request.parts]);
  assert.notEqual(sentences.length, 0, "the sample has no sentence that would be recognised");
  // The message must not quote the sentence either: it ends up in a build log.
  assert.ok(!sentences.some((sentence) => text.includes(sentence)), `${where} quotes the request`);
}

/** The same request, in which whatever somebody wrote is something else. */
export function replaceSentences(request: PhaseRequest, text: string): PhaseRequest {
  const sentences = new Set(listSentences([request.input]));
  const replace = (value: unknown): unknown => {
    if (typeof value === "string") return value.split("\n").some(isAmong(sentences)) ? text : value;
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, replace(each)]));
  };
  return { ...request, input: replace(request.input) };
}

function isAmong(sentences: ReadonlySet<string>): (line: string) => boolean {
  return (line) => sentences.has(line.trim());
}

/** What somebody wrote, as opposed to ids, keys and media types. */
function listSentences(value: unknown): readonly string[] {
  if (typeof value === "string") {
    const lines = value.split("\n").map((line) => line.trim());
    return lines.filter((line) => line.length >= telltaleCharactersMin && line.includes(" "));
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(listSentences);
}

/** Begins a request, aborts it once the backend works on it, and waits until the backend does not any more. */
export async function assertLetsGo(
  backend: ContractBackend,
  start: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  await waitUntil(() => backend.busy === 0, "the backend to have nothing to do");
  const controller = new AbortController();
  await start(controller.signal);
  await waitUntil(() => backend.busy > 0, "the backend to begin");

  controller.abort(stopping());

  await waitUntil(() => backend.busy === 0, "the backend to stop");
}

/** Shorter sentences are too common to prove anything when they turn up elsewhere. */
const telltaleCharactersMin = 8;

/** The reason of a signal when the worker stops. */
export function stopping(): WorkerError {
  return new WorkerError("worker_stopping", "The worker stopped; the job was given back.");
}
