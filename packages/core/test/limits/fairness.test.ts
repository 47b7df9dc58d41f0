import { describe, expect, test } from "bun:test";

import { jobsOf, type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<LimitedQueue> => setupLimitedQueue(await server());

const fair = { queue: "default" } as const;

/** How often each of them is in it. */
function tally(tenants: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const tenant of tenants) counts[tenant] = (counts[tenant] ?? 0) + 1;
  return counts;
}

/** Seconds that the small tenant's jobs wait to start, in virtual time, when each job takes one second in one of the slots. */
async function waitsOf(small: string, queue: LimitedQueue, slots: number): Promise<number[]> {
  const waits: number[] = [];
  for (let second = 0; waits.length < 10; second += 1) {
    const jobs = await queue.claim({ limit: slots, leaseMs: 600_000 });
    for (const job of jobs) if (queue.tenantOf(job) === small) waits.push(second);
    await queue.database.advance(1_000);
    await queue.complete(jobs);
  }
  return waits;
}

/** Of ten, by rank. */
const p95 = (waits: readonly number[]): number => waits.toSorted((a, b) => a - b)[9] ?? Infinity;

describe("turns between tenants", () => {
  test.each([1, 4])(
    "ten jobs beside ten thousand of another tenant wait at most twice as long as alone, with %p slots",
    async (slots) => {
      await using alone = await setup();
      await alone.client.setLimit(fair, { fair: true });
      await alone.enqueueAll(jobsOf("small", 10));
      await using crowded = await setup();
      await crowded.client.setLimit(fair, { fair: true });
      await crowded.enqueueAll(jobsOf("big", 10_000));
      await crowded.complete(await crowded.claim({ limit: 20 }));
      await crowded.enqueueAll(jobsOf("small", 10));

      const aloneWaits = await waitsOf("small", alone, slots);
      const crowdedWaits = await waitsOf("small", crowded, slots);

      process.stdout.write(`p95 ${p95(crowdedWaits)} s beside, ${p95(aloneWaits)} s alone\n`);
      expect(p95(crowdedWaits)).toBeLessThanOrEqual(2 * p95(aloneWaits));
    },
  );

  test("go by weight: 1 to 3 starts one job for three", async () => {
    await using queue = await setup();
    await queue.client.setLimit(fair, { fair: true });
    await queue.client.setTenantWeight("large", 3);
    await queue.enqueueAll([...jobsOf("little", 200), ...jobsOf("large", 200)]);

    const atOnce = tally(await queue.claimTenants(100));
    const oneByOne: string[] = [];
    for (let claim = 0; claim < 40; claim += 1) oneByOne.push(...(await queue.claimTenants(1)));

    expect(atOnce).toEqual({ little: 25, large: 75 });
    expect(tally(oneByOne)).toEqual({ little: 10, large: 30 });
  });

  test("go by a weight that changed from the next claim on", async () => {
    await using queue = await setup();
    await queue.client.setLimit(fair, { fair: true });
    await queue.enqueueAll([...jobsOf("one", 100), ...jobsOf("other", 100)]);
    await queue.claim({ limit: 20 });

    await queue.client.setTenantWeight("one", 9);
    const later = tally(await queue.claimTenants(50));
    await queue.client.setTenantWeight("one", 1);

    expect(later["one"]).toBeWithin(44, 47);
    expect(await queue.client.getLimits()).toMatchObject([{ scope: fair }]);
  });

  test("give what one leaves to whoever waits", async () => {
    await using queue = await setup();
    await queue.client.setLimit(fair, { fair: true });
    await queue.client.setLimit({ tenant: "capped" }, { concurrencyMax: 2 });
    await queue.client.setTenantWeight("capped", 100);
    await queue.enqueueAll([
      ...jobsOf("capped", 50),
      ...jobsOf("short", 3),
      ...jobsOf("long", 50),
      ...jobsOf(undefined, 50),
    ]);

    const claimed = tally(await queue.claimTenants(35));

    expect(claimed).toEqual({ capped: 2, short: 3, long: 15, "": 15 });
  });

  test("save nothing up for a tenant who comes back", async () => {
    await using queue = await setup();
    await queue.client.setLimit(fair, { fair: true });
    await queue.enqueueAll([...jobsOf("idle", 1), ...jobsOf("busy", 300)]);
    await queue.claim({ limit: 200 });
    await queue.enqueueAll(jobsOf("idle", 50));

    const claimed = tally(await queue.claimTenants(20));

    expect(claimed["idle"]).toBeWithin(10, 12);
  });

  test("of one queue have nothing to do with those of another", async () => {
    await using queue = await setup();
    await queue.client.setLimit(fair, { fair: true });
    await queue.client.setLimit({ queue: "other" }, { fair: true });
    await queue.enqueueAll([...jobsOf("acme", 100), ...jobsOf("acme", 10, { queue: "other" })]);
    await queue.claim({ limit: 50 });
    await queue.enqueueAll(jobsOf("new", 50));
    const both = [
      { queue: "default", type: "essay", version: 1, phases: ["draft"] },
      { queue: "other", type: "essay", version: 1, phases: ["draft"] },
    ];
    const lanes = (await Promise.all(both.map((lane) => queue.store.declareLanes(lane)))).flat();

    const claimed = await queue.store.claimJobs({
      worker: "w",
      token: crypto.randomUUID(),
      lanes: lanes.map(({ laneId }) => laneId),
      soloLanes: [],
      limit: 12,
      leaseMs: 1_000,
    });

    const others = claimed.filter(({ laneId }) => laneId === lanes[1]?.laneId).length;
    expect(claimed).toHaveLength(12);
    expect(others).toBeWithin(3, 6);
  });
});
