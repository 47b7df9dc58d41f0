import { expect } from "bun:test";

import type { TestRow } from "@leasehold/core/testing";

import {
  cancelJob,
  expireJobs,
  hasReached,
  replaceJob,
  replayJob,
  requeueJob,
  resolveConflict,
} from "./queue-model-after.ts";
import {
  abandonLease,
  addJob,
  checkpointLease,
  type DelayBounds,
  endLease,
  findClaimable,
  findHolder,
  findSame,
  isLive,
  type JobRequest,
  leaseJob,
  type ModelLease,
  type Phase,
  type QueueModel,
  renewLease,
  skippedOutput,
  startLease,
} from "./queue-model.ts";
import type { LeasePick, Step } from "./queue-story.ts";
import type { Session } from "./queue.ts";

/** The model, and the schema that it is compared with. */
export interface World {
  readonly model: QueueModel;
  readonly session: Session;
  /** Numbers of the lanes that a phase waits in. */
  readonly lanes: Readonly<Record<Phase, { readonly normal: number; readonly solo: number }>>;
}

/** Does one thing in both worlds and expects the same answer. */
export async function takeStep(world: World, step: Step): Promise<void> {
  switch (step.verb) {
    case "enqueue":
      return await enqueue(world, step.jobs);
    case "claim":
      return await claim(world, step);
    case "renew":
      return await renew(world, step.leases);
    case "advance":
      return await advance(world, step.ms);
    case "lapse":
      return await lapse(world, step);
    case "cancel":
      return await cancel(world, step.job);
    case "requeue":
      return await requeue(world, step);
    case "replay":
      return await replay(world, step);
    case "expire":
      return await expire(world, step.waitMs);
    default: {
      const held = findLease(world, step.lease);
      if (held !== undefined) await takeFencedStep(world, step, held);
    }
  }
}

type FencedStep = Extract<Step, { readonly lease: LeasePick }>;

async function takeFencedStep(world: World, step: FencedStep, held: ModelLease): Promise<void> {
  switch (step.verb) {
    case "start":
      return await start(world, held);
    case "hold":
      expect(await ask(world, "hold_lease", ...keyOf(held))).toBe(isHeld(held) ? "ok" : "lost");
      return;
    case "abandon":
      return await abandon(world, held);
    case "savePart":
      return await savePart(world, step, held);
    case "checkpoint":
      return await checkpoint(world, held, step.yields);
    case "settle":
      return await end(world, step, held);
  }
}

/** Time passes, also between two steps, so that what happens one after the other has different times. */
export async function advance({ model, session }: World, ms: number): Promise<void> {
  await session.call("advance_clock", ms);
  model.now += ms;
}

async function enqueue({ model, session }: World, drawn: readonly JobRequest[]): Promise<void> {
  // These two are refused together.
  const jobs = drawn.map(({ idempotencyKey, ...job }) =>
    job.onConflict === "replace" ? job : { ...job, idempotencyKey },
  );
  const answers = await session.call(
    "enqueue_jobs",
    jobs.map(({ skipsDraft, ...job }) => ({
      type: "essay",
      version: 1,
      payload: { says: "hello" },
      ...job,
      phase: skipsDraft === true ? "grade" : "draft",
      skipped: skipsDraft === true ? { draft: { output: skippedOutput, provenance: {} } } : {},
    })),
  );

  expect(answers.map(({ ordinal }) => ordinal)).toEqual(jobs.map((_, index) => index + 1));
  for (const [index, job] of jobs.entries()) {
    const { outcome, id } = answers[index] ?? {};
    const same = findSame(model, job);
    const existing = same ?? resolveConflict(model, job);
    const replaces =
      same === undefined && job.onConflict === "replace" && existing?.state === "queued";
    const idWanted = existing?.id ?? job.id ?? id;
    const found = replaces ? "replaced" : "existing";
    expect({ outcome, id }).toEqual({ outcome: existing ? found : "created", id: idWanted });
    if (existing === undefined) addJob(model, String(id), job);
    else if (replaces) replaceJob(model, existing, job);
  }
}

async function claim(world: World, step: Extract<Step, { readonly verb: "claim" }>): Promise<void> {
  const { model, session, lanes } = world;
  await advance(world, step.waitMs);
  const token = crypto.randomUUID();
  const numbers = (solo: "normal" | "solo"): string =>
    `{${step.phases.map((name) => lanes[name][solo]).join(",")}}`;
  const rows = await session.call(
    "claim_jobs",
    step.worker,
    token,
    numbers("normal"),
    step.takesAlone ? numbers("solo") : "{}",
    step.limit,
    step.leaseMs,
  );

  const taken = new Map(rows.map((row) => [row["public_id"], row]));
  const wanted = findClaimable(model, step).map((jobs) => jobs.map(({ id }) => id).toSorted());
  expect(wanted).toContainEqual(rows.map((row) => String(row["public_id"])).toSorted());
  for (const job of model.jobs) {
    const row = taken.get(job.id);
    if (row === undefined) continue;
    const lane = lanes[job.phase][job.isAlone ? "solo" : "normal"];
    expect(row).toMatchObject({
      lane_id: lane,
      attempt: job.starts[job.phase] + 1,
      solo: job.isAlone,
      payload: { says: "hello" },
    });
    const held = leaseJob(model, job, { ...step, token, jobId: String(row["job_id"]) });
    if (job.isAlone && step.begins) await start(world, held);
  }
}

async function start(world: World, held: ModelLease): Promise<void> {
  expect(await ask(world, "start_job", ...keyOf(held))).toBe(isHeld(held) ? "ok" : "lost");
  if (isHeld(held)) startLease(world.model, held);
}

async function renew({ model, session }: World, picks: readonly LeasePick[]): Promise<void> {
  const asked = picks.flatMap((pick) => findLease({ model }, pick) ?? []);
  // A worker asks for each of its jobs once.
  const leases = asked.filter(({ jobId }, at) => at === asked.findIndex((l) => l.jobId === jobId));
  const rows = await session.call(
    "renew_leases",
    `{${leases.map(({ jobId }) => jobId).join(",")}}`,
    `{${leases.map(({ token }) => token).join(",")}}`,
  );

  const held = leases.filter(isHeld);
  const answered = rows.map(({ job_id, outcome }) => `${String(job_id)} ${String(outcome)}`);
  expect(answered.toSorted()).toEqual(held.map(({ jobId }) => `${jobId} ok`).toSorted());
  for (const one of held) renewLease(model, one);
}

async function abandon(world: World, held: ModelLease): Promise<void> {
  const { model } = world;
  // A claim whose answer was lost: nobody could go on to a next phase.
  const claimed = model.leases.filter((one) => one.token === held.token);
  if (claimed.some(({ isCheckpointed }) => isCheckpointed)) return;
  const answer = await ask(world, "abandon_claim", held.worker, held.token);

  expect(answer).toBe(claimed.filter(isHeld).length);
  for (const one of claimed.filter(isHeld)) abandonLease(model, one);
}

async function savePart(
  world: World,
  { phase: partOf, part }: Extract<Step, { readonly verb: "savePart" }>,
  held: ModelLease,
): Promise<void> {
  const { job } = held;
  const output = { value: `part at ${world.model.now}` };
  const answer = await ask(world, "save_part", ...keyOf(held), part, output, {}, partOf);
  const stored = await world.session.call("load_results", ...keyOf(held));

  const isOurs = isHeld(held) && job.phase === partOf;
  expect(answer).toBe(isOurs ? "ok" : "lost");
  // The first one stays.
  const name = `${partOf} ${part}`;
  if (isOurs && !job.parts.has(name)) job.parts.set(name, output);
  const known = new Map([
    ...job.parts,
    ...[...job.results].map(([of, is]) => [`${of} 0`, is] as const),
  ]);
  expect(
    new Map(stored.map((row) => [`${String(row["phase"])} ${String(row["part"])}`, row["output"]])),
  ).toEqual(isHeld(held) ? known : new Map());
}

async function checkpoint(world: World, held: ModelLease, yields: boolean): Promise<void> {
  const { job } = held;
  if (isHeld(held) && !held.isStarted) return;
  const output = { value: `draft at ${world.model.now}` };
  const phases = ["draft", "grade"];
  const answer = await askRow(
    world,
    "checkpoint_job",
    ...keyOf(held),
    ...phases,
    output,
    {},
    yields,
  );

  if (!isHeld(held)) {
    expect(answer).toEqual({ ...staleAnswer(held), attempt: null });
  } else if (job.phase === "grade") {
    const attempt = job.starts.grade;
    expect(answer).toMatchObject({ outcome: "already", state: "leased", attempt });
  } else {
    job.results.set("draft", output);
    checkpointLease(world.model, held, yields);
    expect(answer).toMatchObject({ outcome: "ok", state: job.state, delay_ms: 0 });
    if (!yields) expect(answer["attempt"]).toBe(job.starts.grade);
  }
}

async function end(
  world: World,
  { move, retryAfterMs, hasOutput }: Extract<Step, { readonly verb: "settle" }>,
  held: ModelLease,
): Promise<void> {
  const { model } = world;
  // A run alone that was not started can only be given back: there is nothing else to say of it.
  if (isHeld(held) && !held.isStarted && move !== "shutdown") return;
  const output = hasOutput ? { value: `${move} at ${model.now}` } : null;
  const code = move === "complete" ? undefined : `${move}_${model.now}`;
  const words = [code ?? "", `It was ${move}.`] as const;
  const answers = {
    complete: () => askRow(world, "complete_job", ...keyOf(held), output, output && {}),
    retry: () => askRow(world, "retry_job", ...keyOf(held), ...words, retryAfterMs),
    fail: () => askRow(world, "fail_job", ...keyOf(held), ...words),
    outage: () => askRow(world, "release_job", ...keyOf(held), move, ...words, retryAfterMs),
    shutdown: () => askRow(world, "release_job", ...keyOf(held), move, ...words, retryAfterMs),
  };
  const answer = await answers[move]();

  if (!isHeld(held)) {
    expect(answer).toEqual(staleAnswer(held));
    return;
  }
  if (move === "complete" && output !== null) held.job.results.set(held.job.phase, output);
  const bounds = endLease(model, held, { move, code });
  const { state } = held.job;
  expect(answer).toMatchObject({ outcome: "ok", state });
  if (state === "queued") held.job.dueAt += checkDelay(answer["delay_ms"], bounds, retryAfterMs);
}

/** At most a day of what the other side asked for is honoured. */
function checkDelay(given: unknown, [min, max]: DelayBounds, retryAfterMs: number | null): number {
  const asked = Math.min(retryAfterMs ?? 0, 86_400_000);
  const delay = Number(given);
  expect(delay).toBeGreaterThanOrEqual(Math.max(min, asked));
  expect(delay).toBeLessThanOrEqual(Math.max(max, asked));
  return delay;
}

async function lapse(
  world: World,
  { limit, waitMs }: Extract<Step, { readonly verb: "lapse" }>,
): Promise<void> {
  const { model, session } = world;
  await advance(world, waitMs);
  const rows = await session.call("lapse_leases", limit);

  const over = model.jobs.flatMap(({ lease: held }) =>
    held !== undefined && held.until < model.now ? [held] : [],
  );
  const lapsed = over.slice(0, limit).map((held) => {
    const { job, isStarted } = held;
    const attempt = job.starts[job.phase] + Number(!isStarted);
    endLease(model, held, { move: "lapse", code: "worker_lost" });
    const { id: job_id, phase: at, state } = job;
    return { job_id, type: "essay", phase: at, attempt, state, code: "worker_lost" };
  });
  expect(rows).toEqual(lapsed);
}

async function cancel(world: World, pick: number): Promise<void> {
  const job = world.model.jobs[pick];
  const answer = await ask(world, "cancel_job", job?.id ?? crypto.randomUUID());

  if (job === undefined) return expect(answer).toBe("not_found");
  expect(answer).toBe(isLive(job) ? "ok" : "settled");
  if (!isLive(job)) return;
  cancelJob(world.model, job, "cancelled");
}

async function requeue(
  world: World,
  { job: pick, delayMs: given }: { readonly job: number; readonly delayMs: number },
): Promise<void> {
  const { jobs } = world.model;
  // Mostly one that can be requeued: the picks are of those first.
  const ended = jobs.filter(({ state }) => ["failed", "dead", "cancelled"].includes(state));
  const job = [...ended, ...jobs][pick];
  const answer = await ask(world, "requeue_job", job?.id ?? crypto.randomUUID(), given);

  if (job === undefined) return expect(answer).toBe("not_found");
  if (isLive(job) || job.state === "completed") return expect(answer).toBe("not_settled");
  if (findHolder(jobs, job.uniqueKey)) return expect(answer).toBe("conflict");
  expect(answer).toBe("ok");
  requeueJob(world.model, job, given);
}

async function replay(
  world: World,
  { job: pick, phase: from }: Extract<Step, { readonly verb: "replay" }>,
): Promise<void> {
  const { jobs } = world.model;
  const job = [...jobs.filter((one) => !isLive(one)), ...jobs][pick];
  const answer = await ask(world, "replay_job", job?.id ?? crypto.randomUUID(), from);

  if (job === undefined) return expect(answer).toBe("not_found");
  if (isLive(job)) return expect(answer).toBe("not_settled");
  if (!hasReached(job, from)) return expect(answer).toBe("unknown_phase");
  if (findHolder(jobs, job.uniqueKey)) return expect(answer).toBe("conflict");
  expect(answer).toBe("ok");
  replayJob(world.model, job, from);
}

async function expire(world: World, waitMs: number): Promise<void> {
  const { model, session } = world;
  await advance(world, waitMs);
  const rows = await session.call("expire_jobs", 100);

  const ended = expireJobs(model).map(({ id: job_id, phase: at, starts, state }) => {
    return { job_id, type: "essay", phase: at, attempt: starts[at], state, code: "expired" };
  });
  expect(rows).toEqual(ended);
}

function findLease(
  { model }: Pick<World, "model">,
  { back, of }: LeasePick,
): ModelLease | undefined {
  const leases = model.leases.filter((one) => isHeld(one) === (of !== "ended"));
  const found = leases.at(-1 - (back % Math.max(leases.length, 1)));
  if (found === undefined || of !== "forged") return found;
  return { ...found, token: "00000000-0000-4000-8000-000000000000", endedBy: "others" };
}

function isHeld(held: ModelLease): boolean {
  return held.endedBy === undefined;
}

function keyOf({ jobId, token }: ModelLease): readonly [string, string] {
  return [jobId, token];
}

/** What somebody is told who does not hold the lease any more, or never did. */
function staleAnswer({ endedBy, job }: ModelLease): TestRow {
  return endedBy === "holder"
    ? { outcome: "already", state: job.state, delay_ms: 0 }
    : { outcome: "lost", state: null, delay_ms: null };
}

type Values = Parameters<Session["call"]> extends [string, ...infer Rest] ? Rest : never;

async function askRow({ session }: World, name: string, ...values: Values): Promise<TestRow> {
  const rows = await session.call(name, ...values);
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}

async function ask(world: World, name: string, ...values: Values): Promise<unknown> {
  return Object.values(await askRow(world, name, ...values))[0];
}
