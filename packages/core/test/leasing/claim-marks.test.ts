import { describe, expect, test } from "bun:test";

import { type ClaimMarks, createMarkedClaims } from "../../src/store/claim-marks.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

interface Claimed {
  readonly jobs: readonly string[];
  readonly marks: Readonly<Record<string, string>>;
}

/** Claims as a claimer does who has come so far. */
async function claimFrom(queue: Queue, marks: object, limit = 10): Promise<Claimed> {
  const lanes = await queue.lanes(["draft"]);
  const [lane, soloLane] = [lanes[0]?.laneId, lanes[0]?.soloLaneId];
  const rows = await queue.query(
    `select public_id, mark from :"schema".claim_jobs_v2('w', gen_random_uuid(),
      '{${lane}}', '{${soloLane}}', ${limit}, 1000, $1::text::jsonb)`,
    JSON.stringify(marks),
  );
  return {
    jobs: rows.map((row) => String(row["public_id"])),
    marks: Object.assign(
      {},
      ...rows.map((row) => row["mark"] as object | null),
    ) as Claimed["marks"],
  };
}

test("a claim goes on from its mark, and needs nothing that lies before it", async () => {
  await using queue = await setup();
  const ids = [await queue.enqueue(), await queue.enqueue(), await queue.enqueue()];

  const first = await claimFrom(queue, {}, 2);
  const second = await claimFrom(queue, first.marks);

  expect(first.jobs).toEqual(ids.slice(0, 2));
  expect(Object.keys(first.marks)).toHaveLength(1);
  expect(second.jobs).toEqual(ids.slice(2));
});

test("each lane and priority has a mark of its own", async () => {
  await using queue = await setup();
  await queue.enqueue({ priority: 1 });
  await queue.enqueue({ priority: 7 });

  const { marks } = await claimFrom(queue, {});
  const urgent = await queue.enqueue({ priority: 0 });
  const next = await claimFrom(queue, marks);

  expect(Object.keys(marks).map((key) => key.split("/")[1])).toEqual(["1", "7"]);
  expect(next.jobs).toEqual([urgent]);
});

test("a job that is committed late, behind the mark, is found by the next look from the start", async () => {
  await using queue = await setup();
  // A lane is made when it is met first, and whoever makes it holds up the others.
  await queue.lanes();
  await using late = await queue.begin();
  const job = { type: "essay", version: 1, phase: "draft", payload: {} };
  const [hidden] = await late.call("enqueue_jobs", [job]);
  await queue.enqueue();
  const { marks } = await claimFrom(queue, {});
  await late.commit();

  const marked = await claimFrom(queue, marks);
  const full = await claimFrom(queue, {});

  expect(marked.jobs).toEqual([]);
  expect(full.jobs).toEqual([String(hidden?.["id"])]);
});

interface Look {
  readonly limit: number;
  readonly marks: ClaimMarks;
}

interface Claimer {
  readonly claim: (limit: number) => Promise<readonly string[]>;
  readonly looks: Look[];
  /** What each look from now on takes, and brings. */
  readonly answer: (tookMs: number, count: number, solo?: boolean) => void;
  readonly advance: (ms: number) => void;
}

/** A claimer on a clock of the test's, before a database that answers what the test says. */
function setupClaimer(): Claimer {
  const looks: Look[] = [];
  let now = 0;
  let next = { tookMs: 0, count: 0, solo: false };
  const claimMarked = createMarkedClaims<{ solo: boolean; marks: ClaimMarks; id: string }>(
    async ({ limit }, marks) => {
      looks.push({ limit, marks });
      now += next.tookMs;
      const count = Math.min(next.count, limit);
      return Array.from({ length: count }, (_, index) => ({
        solo: next.solo,
        marks: { "1/5": `look ${looks.length}` },
        id: `${looks.length}.${index}`,
      }));
    },
    () => now,
  );
  const request = { worker: "w", token: "t", lanes: [1], soloLanes: [2], leaseMs: 1_000 };
  return {
    looks,
    claim: async (limit) => (await claimMarked({ ...request, limit })).map(({ id }) => id),
    answer: (tookMs, count, solo = false) => {
      next = { tookMs, count, solo };
    },
    advance: (ms) => {
      now += ms;
    },
  };
}

const fromStart: ClaimMarks = {};

describe("a claimer", () => {
  test("goes on from its mark while its claims come back full", async () => {
    const { claim, looks, answer } = setupClaimer();
    answer(4, 10);

    await claim(10);
    await claim(10);

    expect(looks.map(({ marks }) => marks)).toEqual([fromStart, { "1/5": "look 1" }]);
  });

  test("looks from the start again after twenty times what that takes", async () => {
    const { claim, looks, answer, advance } = setupClaimer();
    answer(4, 10);
    await claim(10);

    advance(79);
    await claim(10);
    await claim(10);

    expect(looks.map(({ marks }) => marks)).toEqual([fromStart, { "1/5": "look 1" }, fromStart]);
  });

  test("whose claim came back short looks from the start at once for the rest", async () => {
    const { claim, looks, answer } = setupClaimer();
    answer(4, 10);
    await claim(10);

    answer(4, 3);
    const jobs = await claim(10);

    expect(looks.slice(1)).toEqual([
      { limit: 10, marks: { "1/5": "look 1" } },
      { limit: 7, marks: fromStart },
    ]);
    expect(jobs).toHaveLength(6);
  });

  test("does not look for the rest when such looks are dear", async () => {
    const { claim, looks, answer } = setupClaimer();
    answer(50, 10);
    await claim(10);

    answer(1, 3);
    const jobs = await claim(10);

    expect(looks).toHaveLength(2);
    expect(jobs).toHaveLength(3);
  });

  test("that found nothing looks from the start however dear that is", async () => {
    const { claim, looks, answer } = setupClaimer();
    answer(50, 10);
    await claim(10);

    answer(1, 0);
    await claim(10);

    expect(looks.map(({ marks }) => marks)).toEqual([fromStart, { "1/5": "look 1" }, fromStart]);
  });

  test("takes nothing beside a job that must run alone", async () => {
    const { claim, looks, answer } = setupClaimer();
    answer(4, 10);
    await claim(10);

    answer(4, 1, true);
    const jobs = await claim(10);

    expect(looks).toHaveLength(2);
    expect(jobs).toHaveLength(1);
  });
});
