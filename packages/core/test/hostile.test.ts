import { expect, setDefaultTimeout, test } from "bun:test";

import {
  cutMessage,
  type Json,
  type PhaseContext,
  type PhaseResult,
  type Pipeline,
  type Provenance,
  toStorableJson,
  toStorableText,
  toWorkerError,
  WorkerError,
  type WorkerErrorCode,
  type WorkerErrorScope,
} from "@leasehold/core";
import { drain, type TestDatabase } from "@leasehold/core/testing";
import * as fc from "fast-check";

import { readCheckSettings } from "./support/check-settings.ts";
import {
  anyHostileJson,
  anyHostileNumber,
  anyHostileText,
  anyHostileValue,
  type Make,
} from "./support/hostile-values.ts";
import { useServer } from "./support/server.ts";
import { essayOf, resultOf, setupWorker, type WorkerSubject } from "./support/worker.ts";

const server = useServer();
const {
  numRuns,
  timeoutMs,
  seed = randomSeed(),
} = readCheckSettings({ runs: 10_000, msPerRun: 10 });
setDefaultTimeout(timeoutMs);

/** How a phase treats its worker. */
type Act =
  | { readonly does: "return"; readonly output: Make; readonly provenance: Make }
  | {
      readonly does: "savePart";
      readonly part: number;
      readonly output: Make;
      readonly provenance: Make;
    }
  | {
      readonly does: "fail";
      readonly code: WorkerErrorCode;
      readonly scope: WorkerErrorScope;
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs: number;
      readonly adapterCode: string;
    }
  | { readonly does: "throw"; readonly thrown: Make };

interface Hostility {
  readonly payload: unknown;
  readonly act: Act;
}

/** All of them: one that is not here does not compile. */
const knownCodes: Readonly<Record<WorkerErrorCode, true>> = {
  adapter_unknown: true,
  aborted: true,
  backend_busy: true,
  backend_failed: true,
  backend_timeout: true,
  backend_unreachable: true,
  cancelled: true,
  config_invalid: true,
  database_unavailable: true,
  deadline_exceeded: true,
  effect_failed: true,
  expired: true,
  grant_missing: true,
  input_corrupt: true,
  input_crashes_model: true,
  input_invalid: true,
  input_too_large: true,
  input_unsupported: true,
  lease_lost: true,
  model_missing: true,
  model_unsuitable: true,
  not_found: true,
  output_invalid: true,
  output_runaway: true,
  output_truncated: true,
  payload_too_large: true,
  phase_waiting: true,
  schema_outdated: true,
  stalled: true,
  statement_failed: true,
  superseded: true,
  worker_lost: true,
  worker_stopping: true,
};

/** What adapters may throw. These are the worker's own words: see the last test. */
const workersOwn: ReadonlySet<string> = new Set([
  "worker_stopping",
  "worker_lost",
  "lease_lost",
  "phase_waiting",
  "cancelled",
  "superseded",
  "expired",
]);
const thrownCodes = (Object.keys(knownCodes) as WorkerErrorCode[]).filter(
  (code) => !workersOwn.has(code),
);

const anyAct: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    does: fc.constant("return" as const),
    output: anyHostileValue,
    provenance: anyHostileValue,
  }),
  fc.record({
    does: fc.constant("savePart" as const),
    part: fc.oneof(fc.integer({ min: 1, max: 3 }), anyHostileNumber),
    output: anyHostileValue,
    provenance: anyHostileValue,
  }),
  fc.record({
    does: fc.constant("fail" as const),
    code: fc.constantFrom(...thrownCodes),
    scope: fc.constantFrom<WorkerErrorScope>("job", "job", "model", "backend", "config"),
    message: anyHostileText,
    retryable: fc.boolean(),
    retryAfterMs: anyHostileNumber,
    adapterCode: anyHostileText,
  }),
  fc.record({ does: fc.constant("throw" as const), thrown: anyHostileValue }),
);

const anyHostility: fc.Arbitrary<Hostility> = fc.record({
  payload: anyHostileJson,
  act: anyAct,
});

test(`none of ${numRuns} hostile values is stuck, unclassified or changed`, async () => {
  const hostilities = fc.sample(anyHostility, { numRuns, seed });
  const seen = new Map<string, unknown>();
  const acts = new Map<string, Act>();
  const essay = essayOf({
    draft: async (request, context) => {
      seen.set(context.jobId, request.input);
      return await misbehave(acts.get(context.jobId), context);
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [essay], concurrency: 50 });
  // One retry tells what four would.
  await subject.database.query(
    `select :"schema".register_type('essay', p_retries_max => 1::smallint)`,
  );
  const ids = await enqueueAll(subject, essay, hostilities);
  for (const [index, id] of ids.entries()) acts.set(id, at(hostilities, index).act);

  await subject.worker.start();
  await drainForGood(subject);

  const fates = await findFates(subject.database, ids);
  const problems = hostilities.flatMap((hostility, index) => {
    const fate = at(fates, index);
    const wanted = { payload: toSorted(seen.get(at(ids, index))), ...expectedFate(hostility.act) };
    const found = { payload: toSorted(stored(hostility.payload)), ...fate };
    return Bun.deepEquals(wanted, found) ? [] : [{ act: hostility.act, wanted, found }];
  });
  // The first few tell enough, and the seed tells them all again.
  expect({ seed, problems: problems.slice(0, 3) }).toEqual({ seed, problems: [] });
});

interface Fate {
  readonly state: unknown;
  readonly code: unknown;
  readonly message: unknown;
  readonly output: unknown;
  /** Of the ended attempts that did not complete. */
  readonly codes: readonly unknown[];
}

/** What becomes of a job whose phase does this. */
function expectedFate(act: Act): Fate {
  const completed = (output: unknown, code: unknown = null, message: unknown = null): Fate => ({
    state: "completed",
    code,
    message,
    output: toSorted(output),
    codes: code === null ? [] : [code],
  });
  const ended = (state: string, code: string, message: string): Fate => ({
    state,
    code,
    message,
    output: null,
    codes: [code],
  });
  if (act.does === "throw")
    return ended("dead", "adapter_unknown", toWorkerError(act.thrown()).message);
  if (act.does === "fail") {
    const message = toStorableText(cutMessage(act.message));
    if (act.scope !== "job") return completed("mended", act.code, message);
    return ended(act.retryable ? "dead" : "failed", act.code, message);
  }
  if (!isSayable(act)) {
    return ended("dead", "output_invalid", "The result or its provenance has no JSON form.");
  }
  if (act.does === "return") return completed(stored(act.output() ?? null));
  if (Number.isInteger(act.part) && act.part >= 1 && act.part < 2 ** 15) return completed("saved");
  return ended("failed", "statement_failed", "Postgres refused save_part");
}

test("a payload nested deeper than anybody needs costs its own job at most", async () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  const essay = essayOf({ draft: async ({ input }) => resultOf(input) });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });

  const refused = await subject.client.enqueue(essay, deep).catch((error: unknown) => error);
  const { id } = await subject.client.enqueue(essay, "shallow");
  await subject.worker.start();

  expect(WorkerError.is(refused)).toBe(true);
  expect((await subject.client.waitForJob(id)).state).toBe("completed");
});

/** What says that it is ours and is not: a cast, an older copy of the package, somebody who guessed. */
const foreign = {
  "~leasehold": "worker-error/v1",
  code: "input_corrupt",
  message: "",
  scope: "job",
};

const untrustworthy: Readonly<Record<string, Make>> = {
  "cannot be looked at": revoked,
  "raises when it is looked at": () =>
    Object.defineProperty({}, "~leasehold", { get: () => raise() }),
  "has a name that is no text": () =>
    Object.defineProperty(new Error(""), "name", { value: Symbol("name") }),
  "has a code that nobody knows": () => ({ ...foreign, code: "A learner wrote this." }),
  "has a code that cannot be stored": () => ({ ...foreign, code: "\u0000" }),
  "has no message": () => ({ ...foreign, message: undefined }),
  "asks for a wait that is no number": () => ({ ...foreign, retryable: true, retryAfterMs: "x" }),
  "is the worker's own word for its stop": () => new WorkerError("worker_stopping", ""),
  "is the worker's own word for its death": () => new WorkerError("worker_lost", ""),
  "is the worker's own word for a wait": () => new WorkerError("phase_waiting", ""),
  "is the worker's own word for a loss": () => new WorkerError("lease_lost", ""),
};

test("what is thrown and is no error of ours is charged to its job, whatever it says it is", async () => {
  const essay = essayOf({
    draft: async ({ input }) => {
      throw untrustworthy[String(input)]?.();
    },
  });
  const names = Object.keys(untrustworthy);
  await using subject = await setupWorker(await server(), {
    pipelines: [essay],
    concurrency: 10,
  });
  const answers = await subject.client.enqueueMany(essay, names);

  await subject.worker.start();
  await drain(subject.database, { timeoutMs: 60_000 });

  const jobs = await Promise.all(answers.map(({ id }) => subject.client.getJob(id)));
  const fates = jobs.map((job, index) => [names[index], job?.state, job?.code]);
  expect(fates).toEqual(names.map((name) => [name, "dead", "adapter_unknown"]));
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function raise(): never {
  throw new Error("It was looked at.");
}

async function findFates(database: TestDatabase, ids: readonly string[]): Promise<readonly Fate[]> {
  const rows = await database.query(
    `select j.state, j.code, j.message, r.output, (
       select coalesce(jsonb_agg(distinct a.item -> 'code'), '[]')
       from jsonb_array_elements(j.attempts) as a (item) where a.item ->> 'outcome' <> 'completed'
     ) as codes
     from unnest($1::text::uuid[]) with ordinality as i (id, place)
     cross join lateral :"schema".get_job(i.id) as j
     left join lateral :"schema".get_results(i.id) as r on true
     order by i.place`,
    [`{${ids.join(",")}}`],
  );
  return rows.map((row) => {
    const { state, code, message, codes } = row as unknown as Fate;
    // Postgres says which of its own bounds a part's number broke.
    const words = String(message).replace(/^(Postgres refused save_part) .*/, "$1");
    return {
      state,
      code,
      message: message === null ? null : words,
      output: toSorted(row["output"]),
      codes,
    };
  });
}

/** What a value is once it was stored. */
function stored(value: unknown): unknown {
  return JSON.parse(toStorableJson(value));
}

function isSayable(act: Extract<Act, { readonly output: Make }>): boolean {
  try {
    stored(act.output() ?? null);
    stored(act.provenance());
    return true;
  } catch {
    return false;
  }
}

/** Objects as lists of their fields, by name: Postgres has an order of its own, and `__proto__` is a name like others. */
function toSorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, field]) => ({ name, field: toSorted(field) }));
}

async function misbehave(act: Act | undefined, context: PhaseContext): Promise<PhaseResult> {
  switch (act?.does) {
    case "return":
      return { output: act.output(), provenance: act.provenance() as Provenance };
    case "savePart":
      await context.savePart(act.part, act.output() as Json, act.provenance() as Provenance);
      return resultOf("saved");
    case "fail":
      // A backend comes back in the end.
      if (act.scope !== "job" && context.attempt > 1) return resultOf("mended");
      throw new WorkerError(act.code, act.message, act);
    default:
      throw act?.thrown();
  }
}

async function enqueueAll(
  { client }: WorkerSubject,
  essay: Pipeline,
  hostilities: readonly Hostility[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let from = 0; from < hostilities.length; from += 500) {
    const payloads = hostilities.slice(from, from + 500).map(({ payload }) => payload);
    const answers = await client.enqueueMany(essay, payloads);
    ids.push(...answers.map(({ id }) => id));
  }
  return ids;
}

/** Until nothing waits for its time either: nobody has to wait for longer than a day, and nothing is retried more than once. */
async function drainForGood({ database }: WorkerSubject): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await drain(database, { timeoutMs: 60_000 });
    await database.advance(86_400_001);
  }
  await drain(database, { timeoutMs: 60_000 });
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no ${index}.`);
  return item;
}

function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
