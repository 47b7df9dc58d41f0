import { jobsOf } from "./limited-queue.ts";
import { waitForSignal } from "./waiting.ts";
import type { Ward } from "./ward.ts";

const trouble = { code: "bad_luck", message: "A learner wrote this." };

/** A job that does not run, for one reason. */
export interface Situation {
  readonly name: string;
  /** Answers the job to ask about. */
  stage(ward: Ward): Promise<string>;
  readonly cause: string;
  /** `@` is a moment. */
  readonly sentence: string;
  readonly blocker?: string;
  /** Whether it is told until when. */
  readonly ends?: boolean;
}

/** Jobs that are nowhere, or have ended. */
export const endings: readonly Situation[] = [
  {
    name: "was never enqueued",
    stage: async () => "00000000-0000-4000-8000-00000000dead",
    cause: "not_found",
    sentence: "There is no such job: it never was, or it ended so long ago that it was deleted.",
  },
  {
    name: "has an id that is none",
    stage: async () => "essay-7",
    cause: "not_found",
    sentence: "There is no such job: it never was, or it ended so long ago that it was deleted.",
  },
  {
    name: "is completed",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.complete([await ward.claimOne()]);
      return id;
    },
    cause: "completed",
    sentence: "It is completed since @: replay_job runs it again.",
  },
  {
    name: "has failed",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.store.failJob(await ward.claimOne(), trouble);
      return id;
    },
    cause: "failed",
    sentence:
      "It is failed since @, in phase draft, with the code bad_luck: requeue_job gives it a new start.",
    blocker: "bad_luck",
  },
  {
    name: "was cancelled",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.client.cancel(id);
      return id;
    },
    cause: "cancelled",
    sentence:
      "It is cancelled since @, in phase draft, with the code cancelled: requeue_job gives it a new start.",
    blocker: "cancelled",
  },
  {
    name: "was settled by hand",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.store.failJob(await ward.claimOne(), trouble);
      await ward.client.resolve(id, "Done by telephone.");
      return id;
    },
    cause: "cancelled",
    sentence: "Somebody settled it by hand at @, in phase draft: requeue_job gives it a new start.",
    blocker: "resolved",
  },
];

/** Jobs that a worker has, or that wait for something else than their turn. */
export const leases: readonly Situation[] = [
  {
    name: "runs, and told how far it is",
    async stage(ward) {
      const id = await ward.enqueue();
      const { jobId, token } = await ward.claimOne({ leaseMs: 3_600_000 });
      const progress = { stage: "reading", parts_done: 2, parts_total: 5 };
      await ward.query(
        `insert into :"schema".lease_progress (job_id, token, phase, stage, parts_done, parts_total, at)
         select $1::bigint, $2::uuid, 'draft', p ->> 'stage', (p ->> 'parts_done')::integer,
           (p ->> 'parts_total')::integer, :"schema".clock() from (select $3::text::jsonb as p) as o`,
        jobId,
        token,
        progress,
      );
      return id;
    },
    cause: "leased",
    sentence:
      "Worker worker runs its phase draft since @, attempt 1, under a lease until @; it was at reading, part 2 of 5 at @.",
    blocker: "worker",
    ends: true,
  },
  {
    name: "has a lease that ran out",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.claimOne({ worker: "frozen" });
      await ward.database.advance(1_001);
      return id;
    },
    cause: "lease_expired",
    sentence:
      "The lease of worker frozen on phase draft ran out at @: the next round of a worker takes it back.",
    blocker: "frozen",
    ends: true,
  },
  {
    name: "is held to run alone",
    async stage(ward) {
      const id = await lose(ward);
      await ward.claimOne({ leaseMs: 3_600_000 });
      return id;
    },
    cause: "held_alone",
    sentence:
      "Worker worker holds it since @ to run it alone, and finishes first what else it has in flight.",
    blocker: "worker",
    ends: true,
  },
  {
    name: "waits for a signal",
    async stage(ward) {
      const id = await ward.enqueue();
      await waitForSignal(ward, await ward.claimOne(), { timeoutMs: 60_000 });
      return id;
    },
    cause: "waits_signal",
    sentence: "Its phase draft waits since @ for the signal approval, until @ at the latest.",
    blocker: "approval",
    ends: true,
  },
  {
    name: "waited for a signal until now",
    async stage(ward) {
      const id = await ward.enqueue();
      await waitForSignal(ward, await ward.claimOne(), { timeoutMs: 60_000 });
      await ward.database.advance(60_001);
      return id;
    },
    cause: "wait_over",
    sentence:
      "Its phase draft waits since @ for the signal approval, which is over: the next round of a worker wakes it.",
    blocker: "approval",
    ends: true,
  },
];

/** Jobs that are queued, under no limit. */
export const queued: readonly Situation[] = [
  {
    name: "is due",
    stage: (ward) => ward.enqueue(),
    cause: "due",
    sentence: "Nothing holds it up: it is due since @, and a worker takes it with its next look.",
  },
  {
    name: "is delayed",
    stage: (ward) => ward.enqueue({ delayMs: 60_000 }),
    cause: "delayed",
    sentence: "It is not due before @.",
    ends: true,
  },
  {
    name: "failed and is tried again",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.store.retryJob(await ward.claimOne(), trouble);
      return id;
    },
    cause: "backing_off",
    sentence:
      "Its phase draft failed with the code bad_luck: it is tried again at @, after failure 1; failure 4 makes it dead.",
    blocker: "bad_luck",
    ends: true,
  },
  {
    name: "met an outage",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.store.releaseJob(await ward.claimOne(), "outage", trouble);
      return id;
    },
    cause: "outage_wait",
    sentence:
      "What its phase draft needs was away, with the code bad_luck: it is tried again at @, after outage 1, and nothing is charged.",
    blocker: "bad_luck",
    ends: true,
  },
  {
    name: "failed, and was given a new start with a delay",
    async stage(ward) {
      const id = await ward.enqueue();
      await ward.store.retryJob(await ward.claimOne(), trouble);
      await ward.client.cancel(id);
      await ward.call("requeue_job", id, 60_000);
      return id;
    },
    cause: "delayed",
    sentence: "It is not due before @.",
    ends: true,
  },
  {
    name: "is in a queue that is paused",
    async stage(ward) {
      await ward.client.pause({ queue: "default" }, { reason: "new model" });
      return await ward.enqueue();
    },
    cause: "paused",
    sentence: "The queue default is paused since @ by leasehold (new model): resume lets it go on.",
    blocker: "queue default",
  },
  {
    name: "is of a phase that is paused",
    async stage(ward) {
      await ward.client.pause({ type: "essay", version: 1, phase: "draft" });
      return await ward.enqueue();
    },
    cause: "paused",
    sentence: "The type essay/1, phase draft is paused since @ by leasehold: resume lets it go on.",
    blocker: "type essay/1, phase draft",
  },
  {
    name: "is of a tenant who is paused",
    async stage(ward) {
      await ward.client.pause({ tenant: "acme" });
      return await ward.enqueue({ tenant: "acme" });
    },
    cause: "paused",
    sentence: "The tenant acme is paused since @ by leasehold: resume lets it go on.",
    blocker: "tenant acme",
  },
  {
    name: "must run alone",
    stage: lose,
    cause: "runs_alone",
    sentence:
      "It lost its worker (losses: 1), so it runs alone: it starts when a worker has finished what else it has in flight.",
  },
  {
    name: "comes after others",
    async stage(ward) {
      await ward.enqueue();
      const id = await ward.enqueue();
      await ward.enqueue();
      await ward.enqueue({ priority: 1 });
      await ward.enqueue({ priority: 1, delayMs: 60_000 });
      return id;
    },
    cause: "waits_turn",
    sentence:
      "It is number 3 of the due jobs in the queue default, with priority 5 and due since @.",
    blocker: "queue default",
  },
];

/** Jobs that are queued, at a gate. */
export const limited: readonly Situation[] = [
  ...(
    [
      ["queue default", { queue: "default" }],
      ["type essay", { type: "essay" }],
      ["tenant acme", { tenant: "*" }],
    ] as const
  ).map(([blocker, scope]): Situation => ({
    name: `is under the limit of the ${blocker}, which is full`,
    async stage(ward) {
      await ward.client.setLimit(scope, { concurrencyMax: 2 });
      await ward.enqueueAll(jobsOf("acme", 2));
      await ward.claim({ leaseMs: 3_600_000 });
      return await ward.enqueue({ tenant: "acme" });
    },
    cause: "limit_full",
    sentence: `The ${blocker} is full: 2 of 2 run.`,
    blocker,
  })),
  {
    name: "is under a rate that is used up",
    async stage(ward) {
      await ward.client.setLimit({ type: "essay" }, { rate: { max: 2, windowMs: 60_000 } });
      await ward.enqueueAll(jobsOf("acme", 2));
      await ward.complete(await ward.claim());
      return await ward.enqueue({ tenant: "acme" });
    },
    cause: "rate_used_up",
    sentence:
      "The type essay has used up its rate, 2 of 2 starts in 60000 ms: the next may be at @.",
    blocker: "type essay",
    ends: true,
  },
  {
    name: "comes after other tenants",
    async stage(ward) {
      await ward.client.setLimit({ queue: "default" }, { fair: true });
      await ward.enqueueAll(jobsOf("acme", 3));
      await ward.claim({ limit: 3 });
      const id = await ward.enqueue({ tenant: "acme" });
      await ward.enqueue({ tenant: "umbrella" });
      return id;
    },
    cause: "tenant_turn",
    sentence:
      "Tenants take turns in the queue default, and this job of tenant acme comes after 1 of them.",
    blocker: "queue default",
  },
];

/** A job that lost its worker, and must run alone now. */
async function lose(ward: Ward): Promise<string> {
  const id = await ward.enqueue();
  await ward.claimOne();
  await ward.database.advance(1_001);
  await ward.store.lapseLeases(10);
  return id;
}
