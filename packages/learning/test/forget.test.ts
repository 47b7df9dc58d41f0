import { describe, expect, test } from "bun:test";

import { createHands, type Hands } from "./support/hands.ts";
import {
  fileSubmission,
  type Learning,
  type Submitted,
  textSubmission,
  useLearning,
} from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { openSession } from "./support/session.ts";

interface Fixture extends Learning {
  readonly hands: Hands;
  readonly text: Submitted;
}

const open = useLearning();

/** One text with everything that a learner and a teacher can say, which waits for `feedback`. */
async function setup(): Promise<Fixture> {
  const learning = await open();
  const text = await learning.submit({
    ...textSubmission,
    student_sub: "canary-learner",
    text_body: "Canary text.",
    hints_md: "Canary hint.",
    instruction_md: "Canary task.",
    criteria: ["Canary criterion"],
  });
  return { ...learning, hands: createHands(learning), text };
}

const forget = "delete from public.learning_submissions where id = $1";

/** Everything the schema holds, as text. */
async function dump({ query }: Learning): Promise<string> {
  const tables = ["job", "ready", "lease", "stopped", "attempt", "job_counter", "result"];
  const rows = await Promise.all(tables.map((table) => query(`select * from :"schema".${table}`)));
  return JSON.stringify(rows);
}

describe("deleting a submission", () => {
  test("cancels a job that waits, and erases all that was the learner's", async () => {
    await using fixture = await setup();

    await fixture.query(forget, fixture.text.id);

    expect(await fixture.client.getJob(fixture.text.jobId)).toMatchObject({ state: "cancelled" });
    expect(await dump(fixture)).not.toMatch(/canary/i);
    expect(await dump(fixture)).not.toContain(fixture.text.id);
    expect(await fixture.hands.claim()).toEqual([]);
  });

  test("takes a running job from its worker, who can save no part and no result any more", async () => {
    await using fixture = await setup();
    const file = await fixture.submit({ ...fileSubmission, student_sub: "canary-learner" });
    const lease = await fixture.hands.claimOne({ phases: ["vision"] });
    await fixture.hands.savePart(lease, 1, {});

    await fixture.query(forget, file.id);

    expect(await fixture.hands.savePart(lease, 2, {})).toBe("lost");
    expect(await fixture.hands.checkpoint(lease)).toBe("lost");
    const saved = await fixture.query(
      'select from :"schema".result where job_id = $1',
      lease.jobId,
    );
    expect(saved).toEqual([]);
  });

  test.each(["completed", "failed", "dead"])(
    "erases what a %s job held, and leaves how it ended",
    async (state) => {
      await using fixture = await setup();
      const { hands } = fixture;
      if (state === "completed") await hands.complete(await hands.claimOne());
      if (state === "failed") await hands.fail(await hands.claimOne(), "input_unsupported");
      if (state === "dead") await hands.exhaust();

      await fixture.query(forget, fixture.text.id);

      expect(await dump(fixture)).not.toMatch(/canary/i);
      expect(await dump(fixture)).not.toContain(fixture.text.id);
      expect(await fixture.client.getJob(fixture.text.jobId)).toMatchObject({
        state: state as "dead",
      });
    },
  );

  test("leaves no row in the runbook's job table", async () => {
    await using fixture = await setup();
    await fixture.hands.fail(await fixture.hands.claimOne(), "input_unsupported");

    await fixture.query(forget, fixture.text.id);

    expect(await fixture.query("select * from public.learning_submission_jobs")).toEqual([]);
  });

  test.each(["cancelled", "failed"])("makes its %s job unfit for a new start", async (state) => {
    await using fixture = await setup();
    if (state === "failed") {
      await fixture.hands.fail(await fixture.hands.claimOne(), "input_unsupported");
    }
    await fixture.query(forget, fixture.text.id);

    const requeue = fixture.client.requeue(fixture.text.jobId);

    expect(await refusal(requeue)).toMatchObject({ adapterCode: "sqlstate_55000" });
    expect(await fixture.hands.claim()).toEqual([]);
  });

  test("leaves the work of others alone", async () => {
    await using fixture = await setup();
    const other = await fixture.submit();

    await fixture.query(forget, fixture.text.id);

    expect(await fixture.client.getJob(other.jobId)).toMatchObject({ state: "queued" });
    expect(await fixture.hands.claimOne()).toMatchObject({ publicId: other.jobId });
  });

  test("happens when the deleter commits, and not when the deleter rolls back", async () => {
    await using fixture = await setup();
    await using session = await openSession(fixture.url);

    await session.script("begin");
    await session.query(forget, fixture.text.id);
    await session.script("rollback");

    expect(await fixture.hands.claimOne()).toMatchObject({ publicId: fixture.text.jobId });
  });

  test("wins against a worker that completes the job at the same moment", async () => {
    await using fixture = await setup();
    const lease = await fixture.hands.claimOne();
    await using worker = await openSession(fixture.url);
    await using deleter = await openSession(fixture.url);
    // The worker holds the lease and waits for the submission; the deleter holds it and waits for the lease.
    await deleter.script("begin");
    await deleter.script(
      `select from public.learning_submissions where id = '${fixture.text.id}' for update`,
    );
    const complete = "select * from leasehold.complete_job($1, $2, '{}', '{}')";
    const completed = refusal(worker.query(complete, lease.jobId, lease.token));
    await worker.blocked();

    await deleter.query(forget, fixture.text.id);
    await deleter.script("commit");

    expect(await completed).toMatchObject({ code: "55P03" });
    expect(await worker.query(complete, lease.jobId, lease.token)).toMatchObject([
      { outcome: "lost" },
    ]);
    expect(await fixture.client.getJob(fixture.text.jobId)).toMatchObject({ state: "cancelled" });
  });
});
