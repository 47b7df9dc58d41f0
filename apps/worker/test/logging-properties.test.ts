import { expect, test } from "bun:test";

import type { WorkerEvent } from "@leasehold/core";
import * as fc from "fast-check";

import { logFields } from "../src/log-fields.ts";
import { logEvent } from "../src/logging.ts";
import { openLogFile } from "./log-lines.ts";

const jobId = "3f0c8a52-1d7e-4c26-9a41-0b8f5f0f6a11";
const ref = { jobId, type: "learning.submission", phase: "vision", attempt: 1 } as const;
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
    await using file = await openLogFile(format);
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
        logEvent(file.log, { ...extra, ...event });
      }),
      { numRuns: 300 },
    );

    const text = await file.text();
    expect(text.match(/job\.failed/g)?.length).toBeGreaterThan(0);
    expect(text).not.toContain("canary");
  },
);

test.each(["json", "pretty"] as const)(
  "what somebody wrote is in no field that is not meant for our own sentences (%s)",
  async (format) => {
    await using file = await openLogFile(format);
    const sentences = new Set([
      "backend",
      "database",
      "file",
      "message",
      "storage",
      "unfit",
      "url",
    ]);
    const names = Object.keys(logFields).filter((name) => !sentences.has(name));
    const anyText = fc
      .string({ unit: "binary" })
      .map((text): unknown => `Kanarienvogel singt ${text}`);
    const anyValue = fc.oneof(
      anyText,
      anyText.map((text) => [text]),
      anyText.map((text) => ({ toString: () => text, toJSON: () => text })),
    );
    const anyFields = fc.dictionary(fc.constantFrom(...names), anyValue, {
      minKeys: 1,
      noNullPrototype: true,
    });

    fc.assert(
      fc.property(fc.constantFrom(...events), anyFields, (event, fields) => {
        logEvent(file.log, { ...event, ...fields, name: event.name } as WorkerEvent);
      }),
      { numRuns: 300 },
    );

    const text = await file.text();
    expect(text).toContain("unfit");
    expect(text).not.toContain("Kanarienvogel");
  },
);
