import { describe, expect, test } from "bun:test";
import { join } from "node:path";

import { definePipeline } from "@leasehold/core";
import { z } from "zod";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import type { EffectProcessOptions } from "../support/effect-process.ts";
import { type Queue, type Session, setupQueue } from "../support/queue.ts";
import { type Answer, rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// A phase that is written down together with its host's own rows: two want the same job, or one dies.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const hold = (
  session: Session | Queue,
  { jobId, token }: ClaimedJob,
  phase = "draft",
): Promise<Answer> => session.call("hold_phase", jobId, token, phase);
const settle = (session: Session, { jobId, token }: ClaimedJob): Promise<Answer> =>
  session.call("complete_job", jobId, token, { text: "done" }, {});
const failEffect = (
  session: Session | Queue,
  { jobId, token }: ClaimedJob,
  phase = "draft",
): Promise<Answer> =>
  session.call("fail_effect", jobId, token, phase, "It broke.", { text: "done" }, {});

describe("hold_phase", () => {
  test("then cancel: the cancel waits, and comes too late", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    const [held] = await hold(rivals.first, lease);
    await settle(rivals.first, lease);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(held?.["hold_phase"]).toBe("ok");
    expect(answer?.["cancel_job"]).toBe("settled");
    expect((await queue.client.getJob(id))?.state).toBe("completed");
  });

  test("after a cancel that is on its way: the lease is lost", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("cancel_job", id);

    const [answer] = await rivals.overtaken((rival) => hold(rival, lease));

    expect(answer?.["hold_phase"]).toBe("lost");
  });

  test("of one holder at a time: the second hears that it is done", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await hold(rivals.first, lease);
    await settle(rivals.first, lease);

    const [answer] = await rivals.overtaken((rival) => hold(rival, lease));

    expect(answer?.["hold_phase"]).toBe("lost");
  });

  test("does not keep renewals waiting", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await using session = await queue.begin();
    await hold(session, lease);

    const answers = await queue.store.renewLeases([lease]);

    expect([...answers]).toEqual([[lease.jobId, "busy"]]);
  });

  test("refuses the phase before, also under the same lease", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    const step = { phase: "draft", nextPhase: "grade", yields: false };
    await queue.store.checkpointJob(lease, step, { output: 1, provenance: {} });

    const answers = [await hold(queue, lease), await hold(queue, lease, "grade")];

    expect(answers.map(([row]) => row?.["hold_phase"])).toEqual(["lost", "ok"]);
  });
});

describe("fail_effect", () => {
  test("then cancel: both happen", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await failEffect(rivals.first, lease);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(answer?.["cancel_job"]).toBe("ok");
    const attempts = [{ outcome: "effect_failed" }];
    expect(await queue.client.getJob(id)).toMatchObject({ state: "cancelled", attempts });
  });

  test("after a lapse: it is lost, and nothing is charged or kept", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.database.advance(1_001);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("lapse_leases", 10);

    const [answer] = await rivals.overtaken((rival) => failEffect(rival, lease));

    expect(answer?.["outcome"]).toBe("lost");
    expect(await queue.client.getJob(id)).toMatchObject({ failures: 0, losses: 1 });
    expect(await queue.client.getResults(id)).toEqual([]);
  });

  test("twice: the second hears `already`, and one failure is charged", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    const answers = [await failEffect(queue, lease), await failEffect(queue, lease)];

    expect(answers.map(([row]) => row?.["outcome"])).toEqual(["effect_failed", "already"]);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", failures: 1 });
    expect(await queue.client.getResults(id)).toHaveLength(1);
  });

  test("of the phase before charges nobody", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    const step = { phase: "draft", nextPhase: "grade", yields: false };
    await queue.store.checkpointJob(lease, step, { output: 1, provenance: {} });

    const [answer] = await failEffect(queue, lease);

    expect(answer).toMatchObject({ outcome: "already", state: "leased" });
    expect(await queue.client.getJob(id)).toMatchObject({ state: "leased", failures: 0 });
  });
});

describe("a worker process", () => {
  test("that is killed between the effect and the end of its phase leaves neither, and the next does both once", async () => {
    await using queue = await setup();
    await queue.query('create table :"schema".effect (input text, worker text)');
    const spawn = (options: Pick<EffectProcessOptions, "name" | "dies">): Bun.Subprocess => {
      const whole = { ...options, connection: queue.workerUrl, schema: queue.schema };
      const path = join(import.meta.dir, "../support/effect-process.ts");
      return Bun.spawn([process.execPath, path, JSON.stringify(whole)], {
        stdin: "pipe",
        stderr: "inherit",
      });
    };
    const effect = definePipeline({
      type: "effect",
      version: 1,
      input: z.string(),
      phases: [{ name: "run", output: z.unknown() }],
    });
    const { id } = await queue.client.enqueue(effect, "essay");
    const killed = spawn({ name: "killed", dies: true });
    await killed.exited;
    const left = await queue.query('select input from :"schema".effect');

    const heir = spawn({ name: "heir", dies: false });
    const job = await queue.client.waitForJob(id);
    heir.kill("SIGKILL");
    await heir.exited;

    expect(killed.signalCode).toBe("SIGKILL");
    expect(left).toEqual([]);
    expect(job).toMatchObject({ state: "completed", failures: 0, losses: 1 });
    expect(await queue.query('select input, worker from :"schema".effect')).toEqual([
      { input: "essay", worker: "heir" },
    ]);
    expect(
      await queue.query(`select type from :"schema".job where type = 'follow_up'`),
    ).toHaveLength(1);
  });
});
