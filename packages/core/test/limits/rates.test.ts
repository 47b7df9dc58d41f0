import { describe, expect, test } from "bun:test";

import * as fc from "fast-check";

import { jobsOf, type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<LimitedQueue> => setupLimitedQueue(await server());

const windowMs = 1_000;
const max = 5;

/** When each job was claimed, in milliseconds. */
async function listStarts(queue: LimitedQueue, of = "true"): Promise<readonly number[]> {
  const rows = await queue.query(
    `select extract(epoch from l.leased_at)::double precision * 1000 as at
     from :"schema".lease as l join :"schema".job as j on j.id = l.job_id where ${of} order by 1`,
  );
  return rows.map((row) => Number(row["at"]));
}

/** The most starts in any window. */
function mostIn(starts: readonly number[]): number {
  return Math.max(
    0,
    // A half of a microsecond, because a double is not as exact as Postgres.
    ...starts.map((at) => starts.filter((n) => n >= at && n < at + windowMs - 0.0005).length),
  );
}

type Step = { readonly enqueue: number } | { readonly claim: number } | { readonly wait: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ enqueue: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ claim: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ wait: fc.integer({ min: 1, max: 700 }) }),
  ),
  { minLength: 20, maxLength: 40 },
);

describe("a limit of rate", () => {
  test("is kept in every window, whatever comes when", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (walk) => {
        await using queue = await setup();
        await queue.client.setLimit({ queue: "default" }, { rate: { max, windowMs } });
        for (const step of walk) {
          if ("enqueue" in step) await queue.enqueueAll(jobsOf("acme", step.enqueue));
          if ("claim" in step) await queue.claim({ limit: step.claim });
          if ("wait" in step) await queue.database.advance(step.wait);
        }

        expect(mostIn(await listStarts(queue))).toBeLessThanOrEqual(max);
      }),
      { numRuns: 8 },
    );
  });

  test("lets the next start when the first has left the window", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { rate: { max, windowMs: 60_000 } });
    await queue.enqueueAll(jobsOf("acme", 20));

    const first = await queue.claim();
    await queue.database.advance(50_000);
    const early = await queue.claim();
    await queue.database.advance(10_000);
    const second = await queue.claim();

    expect([first.length, early.length, second.length]).toEqual([max, 0, max]);
  });

  test("counts a start that was given back, and does not count its end", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ type: "essay" }, { rate: { max: 2, windowMs: 60_000 } });
    await queue.enqueueAll(jobsOf("acme", 5));
    const [one] = await queue.claim({ limit: 1 });
    await queue.store.abandonClaim("worker", one?.token ?? "");
    await queue.complete(await queue.claim({ limit: 1 }));

    expect(await queue.claim()).toEqual([]);
  });

  test("of each tenant is counted for each, and one at its rate holds up no other", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "*" }, { rate: { max: 2, windowMs: 60_000 } });
    await queue.client.setLimit({ tenant: "acme" }, { rate: { max: 4, windowMs: 60_000 } });
    await queue.enqueueAll([...jobsOf("acme", 20), ...jobsOf("umbrella", 20), ...jobsOf("one", 1)]);

    const first = await queue.claimTenants(30);
    const none = await queue.claimTenants(30);

    expect(first.toSorted()).toEqual([
      ...Array<string>(4).fill("acme"),
      "one",
      "umbrella",
      "umbrella",
    ]);
    expect(none).toEqual([]);
  });

  test("leaves nothing behind but what it still counts", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { rate: { max: 50, windowMs } });
    await queue.client.setLimit({ tenant: "*" }, { concurrencyMax: 99 });
    await queue.enqueueAll([...jobsOf("acme", 5), ...jobsOf("umbrella", 5)]);
    await queue.complete(await queue.claim());
    await queue.database.advance(windowMs + 1);
    await queue.enqueueAll(jobsOf("acme", 5));
    await queue.claim();

    await queue.query('select :"schema".tidy_limits(:"schema".clock())');

    const [left] = await queue.query(
      `select (select sum(starts) from :"schema".start_count)::integer as starts,
         (select count(*) from :"schema".slot)::integer as slots,
         (select array_agg(tenant) from :"schema".turn) as turns`,
    );
    expect(left).toEqual({ starts: 5, slots: 10, turns: ["acme"] });
  });
});
