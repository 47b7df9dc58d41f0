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
import { WorkerError } from "../errors.ts";
import type { Json } from "../json.ts";
import { watchConsole } from "./watch-console.ts";

/** What one test of the kit works on. */
export interface Subject {
  readonly setup: () => Promise<AdapterV1>;
  readonly validRequest: PhaseRequest;
  readonly invalidRequest: PhaseRequest;
  readonly slowRequest: PhaseRequest;
}

/** One promise of the contract. */
export interface AdapterPromise {
  /** The request without which it cannot be tested. */
  readonly needs?: "invalidRequest" | "slowRequest";
  readonly check: (subject: Subject) => Promise<void>;
}

/** An abort should be obeyed within 250 ms. The kit allows a busy machine eight times that. */
const abortMsMax = 2_000;

/** Time in which an adapter must show its first sign of life, and one that answers must answer. */
const answerMsMax = 30_000;

/** A deadline that comes soon, for a request that takes longer. */
const deadlineMs = 250;

/** Shorter sentences are too common to prove anything when they turn up elsewhere. */
const telltaleCharactersMin = 8;

const stagePattern = /^[a-z0-9_]{1,64}$/;

/** Every promise of the contract that the kit tests, by the sentence that states it. */
export const promises: Readonly<Record<string, AdapterPromise>> = {
  "says what it is": promise(async (adapter, { validRequest }) => {
    const { capabilities } = adapter;
    assert.equal(adapter.specVersion, "v1");
    assert.match(adapter.name, /^[a-z0-9][a-z0-9_-]{0,63}$/);
    assert.notEqual(adapter.version, "");
    assert.ok(capabilities.phases.includes(validRequest.phase), "the sample's phase is not its");
    for (const phase of capabilities.phases) {
      assert.notEqual(adapter.resource(phase), "");
      const concurrency = adapter.concurrency?.(phase) ?? 1;
      assert.ok(Number.isInteger(concurrency) && concurrency > 0, "concurrency counts jobs");
    }
    for (const claim of [capabilities.deterministic, capabilities.local]) {
      assert.ok(claim === undefined || typeof claim === "boolean");
    }
  }),

  "answers in JSON, parts included": promise(async (adapter, { validRequest }) => {
    const { result, parts } = await run(adapter, validRequest);

    assertJson(result.output, "the output");
    for (const { part, output } of parts) {
      assert.ok(Number.isInteger(part) && part >= 1, "parts are numbered from 1");
      assertJson(output, "a part");
    }
  }),

  "says where a result comes from, without quoting the request": promise(
    async (adapter, { validRequest }) => {
      const { result, provenances } = await run(adapter, validRequest);

      for (const provenance of [result.provenance, ...provenances]) {
        assertJson(provenance, "the provenance");
        assert.notEqual(Object.keys(provenance).length, 0, "the provenance is empty");
        assertQuotesNothing(JSON.stringify(provenance), validRequest, "the provenance");
      }
    },
  ),

  "leaves the request as it was": promise(async (adapter, { validRequest }) => {
    const before = structuredClone(validRequest);

    await run(adapter, validRequest);

    assert.deepEqual(validRequest, before);
  }),

  "shows progress before its result": promise(async (adapter, { validRequest }) => {
    const { progresses } = await run(adapter, validRequest);

    assert.notEqual(progresses.length, 0, "progress was never called");
    for (const { stage = "none" } of progresses) {
      assert.match(stage, stagePattern, "a stage that is no word of the program's");
    }
  }),

  "refuses a request whose signal is aborted already": promise(async (adapter, subject) => {
    const signal = AbortSignal.abort(stopping());

    const result = execute(adapter, subject.validRequest, { signal });

    await within(abortMsMax, expectError(result), "the refusal");
  }),

  "gives no result after an abort at its first sign of progress": promise(
    async (adapter, { validRequest }) => {
      const controller = new AbortController();

      const result = execute(adapter, validRequest, {
        signal: controller.signal,
        progress: () => controller.abort(stopping()),
      });

      await within(answerMsMax, expectError(result), "the end after an abort");
    },
  ),

  "stops when it is aborted midway": promise(async (adapter, { slowRequest }) => {
    const controller = new AbortController();
    const { result } = await begin(adapter, slowRequest, { signal: controller.signal });

    controller.abort(stopping());

    await within(abortMsMax, expectError(result), "the end after an abort");
  }, "slowRequest"),

  "stops at its deadline": promise(async (adapter, { slowRequest }) => {
    const controller = new AbortController();
    // As the worker does it: the signal aborts at the deadline.
    const timer = setTimeout(() => controller.abort(deadlineExceeded()), deadlineMs);
    const deadlineAt = performance.now() + deadlineMs;
    try {
      const result = execute(adapter, slowRequest, { signal: controller.signal, deadlineAt });

      await within(deadlineMs + abortMsMax, expectError(result), "the end after the deadline");
    } finally {
      clearTimeout(timer);
    }
  }, "slowRequest"),

  "stops when a part cannot be saved": promise(async (adapter, { validRequest }) => {
    let saves = 0;
    const result = execute(adapter, validRequest, {
      async savePart() {
        saves += 1;
        throw new WorkerError("lease_lost", "The lease of this job is gone.");
      },
    });
    const outcome = await result.then(
      () => "a result",
      (error: unknown) => error,
    );
    if (saves === 0) return;
    const savesUntilEnd = saves;
    await turnOfLoop();

    assert.ok(WorkerError.is(outcome), "it went on after a part was refused");
    assert.equal(saves, savesUntilEnd, "it saved more parts after its end");
  }),

  "does no part again that is there": promise(async (adapter, { validRequest }) => {
    const { parts } = await run(adapter, validRequest);

    const again = await run(adapter, { ...validRequest, parts });

    assert.deepEqual(again.parts, []);
  }),

  "fails with a WorkerError that quotes nobody": promise(async (adapter, { invalidRequest }) => {
    const error = await expectError(execute(adapter, invalidRequest));

    const shown = `${String(error)} ${error.stack ?? ""} ${JSON.stringify(error)}`;
    assertQuotesNothing(shown, invalidRequest, "the error");
  }, "invalidRequest"),

  "refuses a phase that it does not claim": promise(async (adapter, { validRequest }) => {
    const error = await expectError(execute(adapter, { ...validRequest, phase: "no_such_phase" }));

    assert.equal(error.scope, "config", "a worker that is wired wrongly is no fault of the job");
  }),

  "logs nothing of the request": promise(async (adapter, { validRequest, invalidRequest }) => {
    const { logger, lines } = createLogger();

    await execute(adapter, validRequest, { logger });
    await execute(adapter, invalidRequest, { logger }).catch(() => {});

    assertQuotesNothing(lines.join("\n"), validRequest, "the log");
    assertQuotesNothing(lines.join("\n"), invalidRequest, "the log");
  }),

  "prints nothing": promise(async (adapter, { validRequest, invalidRequest }) => {
    const printed = await watchConsole(async () => {
      await execute(adapter, validRequest);
      await execute(adapter, invalidRequest).catch(() => {});
    });

    assert.deepEqual(printed, [], "a console may be read by people who must not see a request");
  }),

  "gives the same output to the same request, if it claims so": promise(
    async (adapter, { setup, validRequest }) => {
      if (adapter.capabilities.deterministic !== true) return;

      const outputs = [
        await run(adapter, validRequest),
        await run(adapter, validRequest),
        await withAdapter(setup, (other) => run(other, validRequest)),
      ].map(({ result }) => JSON.stringify(result.output));

      assert.equal(new Set(outputs).size, 1, "the same request got different outputs");
    },
  ),

  "says how it is": promise(async (adapter) => {
    if (adapter.probe === undefined) return;

    const { status } = await adapter.probe(new AbortController().signal);

    assert.ok(["ok", "failed"].includes(status));
  }),

  "can be closed twice": promise(async (adapter) => {
    await adapter.close?.();

    await adapter.close?.();
  }),
};

function promise(
  check: (adapter: AdapterV1, subject: Subject) => Promise<void>,
  needs?: AdapterPromise["needs"],
): AdapterPromise {
  return {
    ...(needs === undefined ? {} : { needs }),
    check: (subject) => withAdapter(subject.setup, (adapter) => check(adapter, subject)),
  };
}

async function withAdapter<Result>(
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

type CallOptions = Partial<
  Pick<AdapterContext, "signal" | "deadlineAt" | "logger" | "progress" | "savePart">
>;

async function execute(
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

interface Run {
  readonly result: PhaseResult;
  readonly progresses: readonly PhaseProgress[];
  readonly parts: readonly SavedPart[];
  readonly provenances: readonly PhaseResult["provenance"][];
}

/** Executes a request that must succeed, and keeps what was told on the way. */
async function run(adapter: AdapterV1, request: PhaseRequest): Promise<Run> {
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
async function begin(
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

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve));
}

function createLogger(): { readonly logger: PhaseLogger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const log = (event: string, fields: unknown = {}): void =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  return { logger: { info: log, warn: log }, lines };
}

async function expectError(work: Promise<unknown>): Promise<WorkerError> {
  const thrown = await work.then(
    () => assert.fail("it succeeded where it had to fail"),
    (reason: unknown) => reason,
  );
  return WorkerError.is(thrown)
    ? thrown
    : assert.fail("it threw something that is no WorkerError; wrap it");
}

function assertJson(value: unknown, what: string): void {
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

function assertQuotesNothing(text: string, request: PhaseRequest, where: string): void {
  const sentences = listSentences([request.input, request.results, request.parts]);
  assert.notEqual(sentences.length, 0, "the sample has no sentence that would be recognised");
  // The message must not quote the sentence either: it ends up in a build log.
  assert.ok(!sentences.some((sentence) => text.includes(sentence)), `${where} quotes the request`);
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

function stopping(): WorkerError {
  return new WorkerError("worker_stopping", "The worker stopped; the job was given back.");
}

function deadlineExceeded(): WorkerError {
  const message = `The phase did not end within ${deadlineMs} ms.`;
  return new WorkerError("deadline_exceeded", message, { retryable: true });
}

async function within<Value>(ms: number, work: Promise<Value>, what: string): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
