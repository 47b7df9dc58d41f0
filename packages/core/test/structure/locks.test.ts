import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type NewJob, type Queue, type Session, setupQueue } from "../support/queue.ts";
import type { Answer } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Whoever ends several jobs takes the rows in which children are counted newest first, or takes only what is free.
// Somebody else is always held up at a row of his until both are on their way.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

/** Adds a child that is due before all others, or not for a long time. */
async function addChild(queue: Queue, parent: string, job: NewJob = {}): Promise<string> {
  const child = { type: "essay", version: 1, phase: "draft", payload: {}, parent, ...job };
  const [row] = await queue.call("enqueue_jobs", [child]);
  return String(row?.["id"]);
}

async function addClaimed(queue: Queue, parent: string, job: NewJob = {}): Promise<ClaimedJob> {
  await addChild(queue, parent, { ...job, priority: 0 });
  return await queue.claimOne({ limit: 1 });
}

/** The row in which a job's children are counted, so that nobody else may count. */
async function holdFamily(session: Session, id: string): Promise<void> {
  await session.query(
    `select from :"schema".parent as p join :"schema".job as j on j.id = p.job_id
     where j.public_id = $1 for update of p`,
    id,
  );
}

function completeGroup(session: Session, jobs: readonly ClaimedJob[]): Promise<Answer> {
  const list = (values: readonly string[]): string => `{${values.join(",")}}`;
  const ids = list(jobs.map(({ jobId }) => jobId));
  const tokens = list(jobs.map(({ token }) => token));
  return session.call(
    "complete_jobs",
    ids,
    tokens,
    jobs.map(() => null),
  );
}

/**
 * A group of two children, an elder parent's and a younger parent's, is about to complete: it waits for the younger
 * parent's row. `rival` begins, and goes as far as it can. Answers what both heard when the way is free.
 */
async function meet(
  queue: Queue,
  { family, group }: { readonly family: string; readonly group: readonly ClaimedJob[] },
  rival: (session: Session) => Promise<Answer>,
): Promise<readonly [group: Answer, rival: Answer]> {
  await using keeper = await queue.begin();
  await using grouped = await queue.begin();
  await using other = await queue.begin();
  await holdFamily(keeper, family);
  const completed = completeGroup(grouped, group);
  completed.catch(() => undefined);
  await grouped.blocked();
  const rivalled = rival(other);
  rivalled.catch(() => undefined);
  await Promise.race([rivalled, other.blocked().catch(() => undefined)]);
  await keeper.commit();
  return await Promise.all([
    completed.then(async (answer) => (await grouped.commit(), answer)),
    rivalled.then(async (answer) => (await other.commit(), answer)),
  ]);
}

const stateOf = async ({ client }: Queue, id: string): Promise<string | undefined> =>
  (await client.getJob(id))?.state;

describe("while a group of its children and grandchildren completes", () => {
  test("a job is cancelled with all that is free, and the rest follows", async () => {
    await using queue = await setup();
    const root = await queue.enqueue();
    const elder = await addChild(queue, root);
    const younger = await addChild(queue, root);
    const group = [await addClaimed(queue, root), await addClaimed(queue, elder)];

    const answers = await meet(queue, { family: elder, group }, (session) =>
      session.call("cancel_job", root),
    );

    expect(answers).toEqual([
      [{ places: [1, 2], outcome: "ok", state: "completed", delay_ms: 0 }],
      [{ cancel_job: "ok" }],
    ]);
    expect(await stateOf(queue, younger)).toBe("cancelled");
    expect(await stateOf(queue, elder)).toBe("queued");
    await queue.call("wake_due");
    expect(await stateOf(queue, elder)).toBe("cancelled");
    expect(await queue.query('select open, duty from :"schema".parent order by job_id')).toEqual([
      { open: 0, duty: null },
      { open: 0, duty: null },
    ]);
  });
});

describe("while a group of children of two parents completes", () => {
  const setupFamilies = async (
    queue: Queue,
    job: NewJob,
  ): Promise<Parameters<typeof meet>[1] & { readonly others: readonly string[] }> => {
    const elder = await queue.enqueue({ delayMs: 3_600_000 });
    const younger = await queue.enqueue({ delayMs: 3_600_000 });
    const group = [await addClaimed(queue, elder), await addClaimed(queue, younger)];
    const others = [await addChild(queue, elder, job), await addChild(queue, younger, job)];
    return { family: younger, group, others };
  };

  test("others of them expire, now or with the next look", async () => {
    await using queue = await setup();
    const { others, ...families } = await setupFamilies(queue, { ttlMs: 100 });
    await queue.database.advance(500);

    const [completed, expired] = await meet(queue, families, (session) =>
      session.call("expire_jobs"),
    );

    const later = await queue.call("expire_jobs");
    expect(completed).toMatchObject([{ outcome: "ok" }]);
    expect([...expired, ...later].map((row) => row["job_id"])).toEqual([...others]);
  });

  test("others of them lapse, now or with the next look", async () => {
    await using queue = await setup();
    const { others, ...families } = await setupFamilies(queue, { type: "letter" });
    const [lane] = await queue.store.declareLanes({
      queue: "default",
      type: "letter",
      version: 1,
      phases: ["draft"],
    });
    const lanes = `{${String(lane?.laneId)}}`;
    await queue.call("claim_jobs", "dead", crypto.randomUUID(), lanes, "{}", 2, 100);
    // They were lost before, so that now they are dead, which their parents are told.
    await queue.query(
      `with l as (update :"schema".lease set solo = true where worker = 'dead' returning job_id)
       insert into :"schema".job_counter (job_id, phase, losses, last_at)
       select job_id, 'draft', 3, now() from l`,
    );
    await queue.database.advance(500);

    const [completed, lapsed] = await meet(queue, families, (session) =>
      session.call("lapse_leases"),
    );

    const later = await queue.call("lapse_leases");
    expect(completed).toMatchObject([{ outcome: "ok" }]);
    expect([...lapsed, ...later].map((row) => [row["job_id"], row["state"]])).toEqual(
      others.map((id) => [id, "dead"]),
    );
  });

  test("others of them are requeued", async () => {
    await using queue = await setup();
    const { others, ...families } = await setupFamilies(queue, {});
    for (const id of others) await queue.client.cancel(id);

    const [completed, requeued] = await meet(queue, families, (session) =>
      session.call("requeue_jobs", { state: "cancelled" }),
    );

    expect(completed).toMatchObject([{ outcome: "ok" }]);
    expect(requeued).toMatchObject([{ requeued: 2 }]);
  });
});

test("while a child is written down with its host's rows, a subject with its siblings is erased after it", async () => {
  await using queue = await setup();
  const parent = await queue.enqueue({ delayMs: 3_600_000 });
  const sibling = await addChild(queue, parent, { subject: "ada", delayMs: 3_600_000 });
  const child = await addClaimed(queue, parent, { subject: "ada" });
  await using host = await queue.begin();
  await using owner = await queue.begin();
  await host.call("hold_phase", child.jobId, child.token, "draft");
  const erased = owner.call("redact_subject", "ada");
  erased.catch(() => undefined);
  await owner.blocked();

  const completed = await host.call("complete_job", child.jobId, child.token, null, null);
  await host.commit();

  expect(completed).toMatchObject([{ outcome: "ok" }]);
  expect(await erased).toMatchObject([{ jobs: 2, cancelled: 1 }]);
  await owner.commit();
  expect(await stateOf(queue, sibling)).toBe("cancelled");
});
