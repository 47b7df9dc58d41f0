import { expect, test } from "bun:test";

import type { WorkerEvent } from "@leasehold/core";

import { logFields } from "../src/log-fields.ts";
import { logEvents } from "../src/log-vocabulary.ts";
import { logEvent, toPhaseLogger } from "../src/logging.ts";
import { openLogFile } from "./log-lines.ts";

const jobId = "3f0c8a52-1d7e-4c26-9a41-0b8f5f0f6a11";
const ref = { jobId, type: "learning.submission", phase: "vision", attempt: 1 } as const;
const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const;

test("an event is logged with the fields that we know, and no other", async () => {
  await using file = await openLogFile();
  const event = { ...ref, name: "job.failed", code: "input_corrupt", tenant: "canary" } as const;

  logEvent(file.log, event);

  expect(await file.lines()).toEqual([
    { level: levels.error, ...ref, code: "input_corrupt", msg: "job.failed" },
  ]);
});

test("a field that is not of its kind is left out, and its name is told", async () => {
  await using file = await openLogFile();
  const odd = { ...ref, jobId: "Ada's essay", attempt: "1" as unknown as number };

  logEvent(file.log, { ...odd, name: "job.failed", code: "Der Bach rauscht." });

  const { type, phase } = ref;
  expect(await file.lines()).toEqual([
    { level: levels.error, type, phase, unfit: "jobId attempt code", msg: "job.failed" },
  ]);
});

test("a migration is logged by its whole name, which has a space in it", async () => {
  await using file = await openLogFile();
  const migration = "core 0001_create_leasehold";

  file.log.write("migration.applied", { migration });

  expect(await file.lines()).toEqual([{ level: levels.info, migration, msg: "migration.applied" }]);
});

test.each([
  ["é🙂".repeat(1_000), "é🙂".repeat(512)],
  ["two\nlines\u001b[31m and \u0000 more", "two lines [31m and   more"],
  [`${"a".repeat(1_023)}🙂b`, `${"a".repeat(1_023)}🙂`],
])("a message is one line of at most 1,024 code points (%#)", async (message, shown) => {
  await using file = await openLogFile();

  file.log.write("worker.warned", { message });

  expect(await file.lines()).toEqual([
    { level: levels.warn, message: shown, msg: "worker.warned" },
  ]);
});

test("what is tried again says when, by this machine's clock", async () => {
  await using file = await openLogFile();
  const before = Date.now();

  logEvent(file.log, { ...ref, name: "job.retried", code: "output_invalid", retryInMs: 60_000 });

  const [line] = await file.lines();
  const atMs = Date.parse(String(line?.["retryAt"])) - 60_000;
  expect(line).toMatchObject({ ...ref, code: "output_invalid", retryInMs: 60_000 });
  expect(atMs).toBeGreaterThanOrEqual(before);
  expect(atMs).toBeLessThanOrEqual(Date.now());
});

test("how far a phase is stands in fields of its own", async () => {
  await using file = await openLogFile();
  const progress = { stage: "decoding", partsDone: 7, partsTotal: 12 };

  logEvent(file.log, { ...ref, name: "phase.progressed", progress });

  expect(await file.lines()).toEqual([
    { level: levels.debug, ...ref, ...progress, msg: "phase.progressed" },
  ]);
});

test("an adapter is heard in the words of the vocabulary, and otherwise only that it spoke", async () => {
  await using file = await openLogFile();
  const logger = toPhaseLogger(file.log);
  const { type: _type, ...about } = ref;

  logger.warn("fallback.taken", { ...about, path: "degraded", reason: "schema_violated" });
  logger.info("Der Bach rauscht.", { ...about, text: "canary", count: 3 });

  expect(await file.lines()).toEqual([
    {
      level: levels.warn,
      ...about,
      path: "degraded",
      reason: "schema_violated",
      msg: "fallback.taken",
    },
    { level: levels.info, ...about, count: 3, msg: "adapter.told" },
  ]);
});

const loudness: readonly (readonly [level: keyof typeof levels, event: WorkerEvent])[] = [
  ["debug", { ...ref, name: "phase.progressed", progress: { stage: "decoding" } }],
  ["debug", { name: "lease.renewed", count: 2 }],
  ["info", { ...ref, name: "renewal.started" }],
  ["info", { ...ref, name: "job.completed", durationMs: 5 }],
  ["warn", { ...ref, name: "job.retried", code: "output_invalid", retryInMs: 10 }],
  ["warn", { ...ref, name: "lease.lost" }],
  ["warn", { ...ref, name: "write.refused" }],
  ["info", { ...ref, name: "job.cancelled", code: "cancelled" }],
  [
    "warn",
    { name: "resource.opened", resource: "host/model", code: "model_missing", waitMs: 60_000 },
  ],
  ["info", { name: "resource.closed", resource: "host/model" }],
  ["error", { ...ref, name: "job.dead", code: "worker_lost" }],
  ["error", { name: "worker.exhausted", worker: "w", inFlight: 1, count: 3 }],
];

test("an event is as loud as it is important, and what is quieter than the log is not in it", async () => {
  await using loud = await openLogFile("json", "debug");
  await using quiet = await openLogFile("json", "warn");

  for (const { log } of [loud, quiet]) for (const [, event] of loudness) logEvent(log, event);

  const told = loudness.map(([level, { name }]) => ({ level: levels[level], msg: name }));
  expect(await loud.lines()).toMatchObject(told);
  expect(await quiet.lines()).toMatchObject(told.filter(({ level }) => level >= levels.warn));
});

test("a line for people is one line: a warning in its own words, an event with its fields", async () => {
  await using file = await openLogFile("pretty");

  file.log.write("worker.warned", { message: "THE STUB ANSWERS." });
  file.log.write("worker.configured", { backend: "stub: invented", concurrency: 2 });
  logEvent(file.log, { ...ref, name: "job.completed", durationMs: 512 });

  const lines = (await file.text()).split("\n");
  expect(lines).toEqual([
    expect.stringMatching(/^\[\d\d:\d\d:\d\d\] WARN: THE STUB ANSWERS\.$/),
    expect.stringMatching(/ INFO: worker\.configured backend="stub: invented" concurrency=2$/),
    expect.stringMatching(
      new RegExp(
        ` INFO: job\\.completed jobId=${jobId} type=learning\\.submission phase=vision attempt=1 durationMs=512$`,
      ),
    ),
    "",
  ]);
});

test("every field of the vocabulary is used, and each event has each of its fields once", () => {
  const used = Object.values(logEvents).flatMap(({ fields }) => fields);

  const unused = Object.keys(logFields).filter((name) => !new Set<string>(used).has(name));
  expect(unused).toEqual(["unfit"]);
  for (const { fields } of Object.values(logEvents)) {
    expect(new Set(fields).size).toBe(fields.length);
  }
});
