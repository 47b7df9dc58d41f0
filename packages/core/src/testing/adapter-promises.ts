import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { WorkerError } from "../errors.ts";
import {
  type AdapterPromise,
  assertJson,
  assertLetsGo,
  assertQuotesNothing,
  begin,
  type CallOptions,
  createLogger,
  execute,
  expectError,
  promise,
  replaceSentences,
  run,
  stopping,
  withAdapter,
} from "./adapter-subject.ts";
import { abortMsMax, answerMsMax, turnOfLoop, waitUntil, within } from "./loop-time.ts";
import { watchConsole } from "./watch-console.ts";

/** A deadline that comes soon, for a request that takes longer. */
const deadlineMs = 100;

/** Requests that are executed at the same time, at most. */
const requestsAtOnceMax = 4;

/** Time in which calls that are too many would reach the backend. */
const settleMs = 100;

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

  "ends the backend's work when it is aborted": promise(
    async (adapter, { slowRequest, backend }) => {
      await assertLetsGo(backend, (signal) => begin(adapter, slowRequest, { signal }));
    },
    "slowRequest",
    "backend",
  ),

  "ends the request that is aborted, and no other": promise(
    async (adapter, { slowRequest, validRequest }) => {
      const controller = new AbortController();
      const { result } = await begin(adapter, slowRequest, { signal: controller.signal });
      const other = run(adapter, validRequest);
      other.catch(() => {});

      controller.abort(stopping());

      await within(abortMsMax, expectError(result), "the end after an abort");
      await other;
    },
    "slowRequest",
  ),

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

  "says whose fault a failure is": promise(async (adapter, { failures }) => {
    for (const [scope, request] of Object.entries(failures)) {
      const error = await expectError(execute(adapter, request));

      assert.equal(error.scope, scope, `${error.code} is said to be the fault of: ${error.scope}`);
    }
  }, "failures"),

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

  "reads no string as a path": promise(async (adapter, { validRequest }) => {
    const secret = `leaked ${crypto.randomUUID()}`;
    await withFile(secret, async (path) => {
      const { logger, lines } = createLogger();
      const shown: unknown[] = [lines];
      const savePart: CallOptions["savePart"] = async (...part) => void shown.push(part);

      await execute(adapter, replaceSentences(validRequest, path), { logger, savePart }).then(
        (result) => shown.push(result),
        (error: unknown) => shown.push(String(error)),
      );

      assert.ok(!JSON.stringify(shown).includes(secret), "it gave out what stands in the file");
    });
  }),

  "bears as many requests at once as it claims": promise(async (adapter, { validRequest }) => {
    const claimed = adapter.concurrency?.(validRequest.phase);
    assert.ok(claimed === undefined || (Number.isInteger(claimed) && claimed > 0));
    const count = Math.min(claimed ?? requestsAtOnceMax, requestsAtOnceMax);

    const runs = await Promise.all(Array.from({ length: count }, () => run(adapter, validRequest)));

    for (const { progresses } of runs) {
      assert.notEqual(progresses.length, 0, "a request showed its progress to another");
    }
  }),

  "asks its backend for no more at once than it claims": promise(
    async (adapter, { slowRequest, backend }) => {
      const claimed = adapter.concurrency?.(slowRequest.phase);
      if (claimed === undefined) return;
      const count = Math.min(claimed, requestsAtOnceMax);
      await waitUntil(() => backend.busy === 0, "the backend to have nothing to do");
      const controller = new AbortController();
      const { signal } = controller;
      for (let each = 0; each < count; each += 1) await begin(adapter, slowRequest, { signal });
      await waitUntil(() => backend.busy > 0, "the backend to begin");
      await within(settleMs, new Promise(() => {}), "nothing").catch(() => {});
      const { busy } = backend;
      controller.abort(stopping());

      assert.ok(busy <= count, `${busy} calls of the backend for ${count} requests`);
    },
    "slowRequest",
    "backend",
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

/** Writes a file for as long as some work lasts. */
async function withFile(content: string, work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "adapter-contract-"));
  try {
    const path = join(folder, "text.txt");
    await writeFile(path, content);
    await work(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function deadlineExceeded(): WorkerError {
  const message = `The phase did not end within ${deadlineMs} ms.`;
  return new WorkerError("deadline_exceeded", message, { retryable: true });
}
