import { expect, test } from "bun:test";

import type { WorkerEvent } from "@leasehold/core";

import { logEvent, type Logger } from "../src/logging.ts";

type Line = readonly [level: string, fields: object, name: string];

/** A logger that remembers its lines. */
function setup(): { readonly logger: Logger; readonly lines: readonly Line[] } {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (fields: object, name: string): void =>
      void lines.push([level, fields, name]);
  const levels = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { logger: levels as unknown as Logger, lines };
}

const ref = { jobId: "j", type: "learning.submission", phase: "vision", attempt: 1 } as const;

test("an event is logged with the fields that we know, and no other", () => {
  const { logger, lines } = setup();
  const event = { ...ref, name: "job.failed", code: "input_corrupt", message: "canary" } as const;

  logEvent(logger, event);

  expect(lines).toEqual([["error", { ...ref, code: "input_corrupt" }, "job.failed"]]);
});

const levels: readonly (readonly [level: string, event: WorkerEvent])[] = [
  ["debug", { ...ref, name: "phase.progressed", progress: { stage: "decoding" } }],
  ["debug", { name: "lease.renewed", count: 2 }],
  ["info", { ...ref, name: "job.completed", durationMs: 5 }],
  ["warn", { ...ref, name: "job.retried", code: "output_invalid", retryInMs: 10 }],
  ["warn", { ...ref, name: "lease.lost" }],
  ["info", { ...ref, name: "job.cancelled", code: "cancelled" }],
  [
    "warn",
    { name: "resource.opened", resource: "host/model", code: "model_missing", waitMs: 60_000 },
  ],
  ["info", { name: "resource.closed", resource: "host/model" }],
  ["error", { ...ref, name: "job.dead", code: "worker_lost" }],
  ["error", { name: "worker.exhausted", worker: "w", inFlight: 1, count: 3 }],
];

test("an event is as loud as it is important", () => {
  const { logger, lines } = setup();

  for (const [, event] of levels) logEvent(logger, event);

  expect(lines.map(([level, , name]) => [level, name])).toEqual(
    levels.map(([level, { name }]) => [level, name]),
  );
});
