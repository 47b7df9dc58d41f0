import { expect, test } from "bun:test";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { WorkerEvent } from "@leasehold/core";
import * as fc from "fast-check";

import { createLogger, logEvent, type Logger } from "../src/logging.ts";

interface Log extends AsyncDisposable {
  readonly logger: Logger;
  read(): Promise<string>;
}

/** The worker's own logger, on a file. */
async function setup(format: "json" | "pretty"): Promise<Log> {
  const folder = await mkdtemp(join(tmpdir(), "leasehold-log-"));
  const path = join(folder, "log");
  const file = await open(path, "a");
  return {
    logger: createLogger({ level: "debug", format }, { descriptor: file.fd, isTerminal: false }),
    read: () => readFile(path, "utf8"),
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(folder, { recursive: true });
    },
  };
}

const ref = { jobId: "j", type: "learning.submission", phase: "vision", attempt: 1 } as const;
const events: readonly WorkerEvent[] = [
  { name: "worker.started", worker: "w" },
  { name: "database.failed", operation: "settle", code: "statement_failed" },
  { ...ref, name: "phase.progressed", progress: { stage: "decoding" } },
  { ...ref, name: "job.retried", code: "output_invalid", retryInMs: 10 },
  { ...ref, name: "job.released", reason: "outage", code: "backend_failed", retryInMs: 10 },
  { ...ref, name: "job.failed", code: "input_corrupt" },
];

/** Fields that an event may get one day, and those of the errors that drivers and models throw. */
const foreignFields = [
  "message",
  "error",
  "err",
  "cause",
  "stack",
  "detail",
  "where",
  "query",
  "payload",
  "output",
  "prompt",
  "text",
  "progress",
  "dsn",
  "token",
  "tenant",
  "subject",
];

test.each(["json", "pretty"] as const)(
  "whatever an event carries beside its own fields is not in the log (%s)",
  async (format) => {
    await using log = await setup(format);
    const anySecret = fc.string({ unit: "binary" }).map((text) => `canary${text}`);
    const anyField = fc.constantFrom(...foreignFields);
    const anyExtra = fc.dictionary(
      anyField,
      fc.oneof(
        anySecret,
        anySecret.map((secret) => new Error(secret)),
        anySecret.map((secret) => ({ deep: [secret] })),
      ),
      { minKeys: 1, noNullPrototype: true },
    );

    fc.assert(
      fc.property(fc.constantFrom(...events), anyExtra, (event, extra) => {
        logEvent(log.logger, { ...extra, ...event });
      }),
      { numRuns: 300 },
    );

    const text = await log.read();
    expect(text.match(/job\.failed/g)?.length).toBeGreaterThan(0);
    expect(text).not.toContain("canary");
  },
);
