import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { inspect } from "node:util";

import {
  parseWorkerSettings,
  toWorkerError,
  workerDefaults,
  WorkerError,
  type WorkerSettings,
} from "@leasehold/core";
import * as fc from "fast-check";

import { backoffMs } from "../src/backoff.ts";
import { toDatabaseError } from "../src/database/database-errors.ts";
import { systemRuntime } from "../src/runtime.ts";
import { setupQueue } from "./support/queue.ts";
import { useServer } from "./support/server.ts";

const server = useServer();
setDefaultTimeout(60_000);

const anyCount = fc.oneof(
  fc.integer({ min: -3, max: 40 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);

describe("backoffMs", () => {
  const anyBounds = fc
    .tuple(fc.integer({ min: 1, max: 86_400_000 }), fc.integer({ min: 1, max: 86_400_000 }))
    .map(([one, other]) => ({ minMs: Math.min(one, other), maxMs: Math.max(one, other) }));
  const anyDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const wait = (count: number, bounds: { minMs: number; maxMs: number }, drawn: number): number =>
    backoffMs({ ...systemRuntime, random: () => drawn }, count, bounds);

  test("is at least half of the doubled bound, at most the whole, and never more than the cap", () => {
    fc.assert(
      fc.property(anyCount, anyBounds, anyDraw, (count, bounds, drawn) => {
        const ms = wait(count, bounds, drawn);

        const full = doubled(count, bounds.minMs, bounds.maxMs);
        expect(ms).toBeGreaterThanOrEqual(full / 2);
        expect(ms).toBeLessThanOrEqual(full);
      }),
    );
  });

  test("never shrinks with the count, for the same luck", () => {
    fc.assert(
      fc.property(
        fc.tuple(anyCount, fc.nat(40)),
        anyBounds,
        anyDraw,
        ([count, more], bounds, drawn) => {
          expect(wait(count + more, bounds, drawn)).toBeGreaterThanOrEqual(
            wait(count, bounds, drawn),
          );
        },
      ),
    );
  });
});

test("backoff_ms is at least half of the doubled base, at most the whole, for any integers", async () => {
  await using queue = await setupQueue(await server());
  // The table of types allows no other bases and caps.
  const anyMs = fc.integer({ min: 1, max: 2 ** 31 - 1 });

  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(anyCount, anyMs, anyMs), { minLength: 50 }),
      async (calls) => {
        const rows = await queue.query(
          `select :"schema".backoff_ms((c ->> 0)::integer, (c ->> 1)::integer, (c ->> 2)::integer) as ms
         from jsonb_array_elements($1::text::jsonb) with ordinality as i (c, place) order by place`,
          calls,
        );

        expect(rows).toHaveLength(calls.length);
        for (const [index, [count, baseMs, capMs]] of calls.entries()) {
          const full = doubled(count, baseMs, capMs);
          const ms = Number(rows[index]?.["ms"]);
          // It is rounded to whole milliseconds.
          expect(ms).toBeGreaterThanOrEqual(Math.floor(full / 2));
          expect(ms).toBeLessThanOrEqual(full);
        }
      },
    ),
    { numRuns: 40 },
  );
});

/** The bound for a count, with no fear of large numbers. It doubles thirty times at most: from 1 ms that is twelve days. */
function doubled(count: number, base: number, cap: number): number {
  const exact = BigInt(base) * 2n ** BigInt(Math.min(Math.max(count, 1) - 1, 30));
  return exact > BigInt(cap) ? cap : Number(exact);
}

describe("parseWorkerSettings", () => {
  const names = Object.keys(workerDefaults) as (keyof WorkerSettings)[];
  const anyWrong = fc.constantFrom<unknown>(
    -1,
    86_401,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "canary",
    null,
    {},
    [],
    true,
  );

  test("names every wrong setting and every unknown one at once, and each once", () => {
    const anyGiven = fc.tuple(
      fc.dictionary(fc.constantFrom(...names), anyWrong, { noNullPrototype: true }),
      fc.uniqueArray(fc.stringMatching(/^x[a-z]{1,8}$/), { maxLength: 3 }),
    );
    fc.assert(
      fc.property(anyGiven, ([wrong, unknown]) => {
        const given = { ...wrong, ...Object.fromEntries(unknown.map((name) => [name, 1])) };
        fc.pre(Object.keys(given).length > 0);

        const message = problemsOf(given);

        for (const name of Object.keys(wrong)) {
          expect(message.split(`${name}: `)).toHaveLength(2);
        }
        for (const name of unknown) expect(message).toContain(name);
        const blamed = names.filter((name) => message.includes(`${name}: `));
        expect(blamed.toSorted()).toEqual(Object.keys(wrong).toSorted() as typeof blamed);
      }),
    );
  });

  test("accepts what it answered, and nothing in it is out of bounds", () => {
    const anySeconds = fc.double({ min: 0.001, max: 86_400, noNaN: true });
    fc.assert(
      fc.property(
        anySeconds,
        anySeconds,
        fc.integer({ min: 1, max: 500 }),
        (lease, poll, slots) => {
          const settings = parseWorkerSettings({
            leaseSeconds: lease,
            pollSeconds: poll,
            concurrency: slots,
          });

          expect(parseWorkerSettings(settings)).toEqual(settings);
          expect(settings.renewSeconds + settings.marginSeconds).toBeLessThan(lease);
          expect(settings.pollSecondsMax).toBeGreaterThanOrEqual(poll);
        },
      ),
    );
  });

  function problemsOf(given: object): string {
    try {
      parseWorkerSettings(given);
    } catch (error) {
      expect(WorkerError.is(error, "config_invalid")).toBe(true);
      return (error as WorkerError).message;
    }
    throw new Error("The settings were accepted.");
  }
});

describe("a secret", () => {
  /** Long enough to be found by chance nowhere, and no single word: the name of an error's class is shown. */
  const anySecret = fc
    .string({ unit: "grapheme", minLength: 12, maxLength: 60 })
    .map((text) => `canary ${text} canary`);
  const anySqlState = fc.stringMatching(/^[0-9A-Z]{5}$/);

  test("in an error of the database or its driver goes no further", () => {
    const anyCode = fc.oneof(anySqlState, fc.constantFrom("ECONNRESET", "CONNECT_TIMEOUT"));
    fc.assert(
      fc.property(anySecret, anyCode, fc.boolean(), (secret, code, isBun) => {
        const codes = isBun ? { errno: code, code: "ERR_POSTGRES_SERVER_ERROR" } : { code };
        const texts = { detail: secret, where: secret, hint: secret, query: secret };
        const names = { constraint: secret, constraint_name: secret, table_name: secret };
        const cause = new Error(secret);
        const driver = Object.assign(new Error(secret, { cause }), codes, texts, names);

        expectSilence(toDatabaseError(driver, "enqueue_jobs"), secret);
      }),
    );
  });

  test("in anything that an adapter throws goes no further", () => {
    const make: ((secret: string) => unknown)[] = [
      (secret) => secret,
      (secret) => new Error(secret, { cause: secret }),
      (secret) => Object.assign(new TypeError(secret), { name: secret, code: secret }),
      (secret) => new AggregateError([new Error(secret)], secret),
      (secret) => new DOMException(secret, secret),
      (secret) => ({ message: secret, [secret]: secret, toString: () => secret }),
      (secret) => [secret],
      (secret) => Symbol(secret),
    ];
    fc.assert(
      fc.property(anySecret, fc.constantFrom(...make), (secret, toThrown) => {
        expectSilence(toWorkerError(toThrown(secret)), secret);
      }),
    );
  });

  function expectSilence(error: WorkerError, secret: string): void {
    const { message, code, adapterCode, stack } = error;
    const shown = [message, code, adapterCode, stack, String(error), JSON.stringify(error)];
    const printed = [Bun.inspect(error), inspect(error, { depth: 9, showHidden: true })];
    for (const text of [...shown, ...printed]) expect(text ?? "").not.toContain(secret);
  }
});
