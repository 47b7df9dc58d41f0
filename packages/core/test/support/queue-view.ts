import { expect } from "bun:test";

import { isLive, type ModelJob, type QueueModel } from "./queue-model.ts";
import type { World } from "./queue-steps.ts";
import type { Queue } from "./queue.ts";

/** When the model's clock shows 0: later than any server started, since a lease does not lapse within its own length after that. */
export const epoch = "2100-01-01T00:00:00Z";

const ms = (column: string): string =>
  `round(extract(epoch from ${column} - timestamptz '${epoch}') * 1000)`;

/**
 * Makes the function that looks at everything at once: a statement of this size is planned longer than it runs, and where
 * Postgres has a compiler it would be compiled, which takes half a second each time.
 */
export async function createLook(queue: Queue): Promise<void> {
  await queue.query(`create function :"schema".look(p_ids jsonb) returns jsonb
    language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off as $$
    begin
      return jsonb_build_object(
        'jobs', (
          select coalesce(jsonb_agg(jsonb_build_object(
            'id', j.id, 'state', j.state, 'phase', j.phase, 'attempt', j.attempt, 'code', j.code,
            'failures', j.failures, 'losses', j.losses, 'outages', j.outages,
            'attempts', j.attempts, 'priority', o.priority, 'worker', o.worker,
            'dueAt', ${ms("j.due_at")}, 'until', ${ms("o.leased_until")},
            'endedAt', ${ms("j.finished_at")}, 'results', (
              select jsonb_object_agg(r.phase, r.output) from :"schema".get_results(j.id) as r
            )
          ) order by i.place), '[]')
          from jsonb_array_elements_text(p_ids) with ordinality as i (id, place)
          cross join lateral :"schema".get_job(i.id::uuid) as j
          join :"schema".job_overview as o on o.id = i.id::uuid
        ),
        'backlog', (
          select coalesce(jsonb_object_agg(q.state, jsonb_build_object(
            'ct', q.ct, 'outages', q.outage_ct, 'oldest', round(q.oldest_age_sec * 1000)
          )), '{}')
          from :"schema".queue_health as q
        )
      );
    end
    $$`);
}

/**
 * Compares all that can be seen from outside with the model: where each job is, when, with whom and after how many tries.
 *
 * A job in two places at once shows: the time it is due, the worker that holds it and the time it ended come from
 * different places, and the backlog counts the first two.
 */
export async function compareViews({ model, session }: World): Promise<void> {
  const ids = model.jobs.map(({ id }) => id);
  const [row] = await session.call("look", ids);

  const seen = row?.["look"] as Seen;
  expect(seen.jobs.map(toReadable)).toEqual(model.jobs.map(viewJob));
  expect(seen.backlog).toEqual(viewBacklog(model));
}

interface Seen {
  readonly jobs: readonly SeenJob[];
  readonly backlog: object;
}

interface SeenJob {
  readonly attempts: readonly Readonly<
    Record<"phase" | "attempt" | "outcome" | "code" | "ms", unknown>
  >[];
}

function toReadable({ attempts, ...job }: SeenJob): object {
  return {
    ...job,
    attempts: attempts.map(({ phase, attempt, outcome, code, ms: took }) =>
      [phase, attempt, outcome, code, took].map(String).join(" "),
    ),
  };
}

function viewJob(job: ModelJob): object {
  const { id, state, phase, priority, lease, losses, attempts, results } = job;
  const isHeldOnly = lease !== undefined && !lease.isStarted;
  return {
    id,
    state,
    phase,
    priority,
    losses,
    attempts,
    attempt: job.starts[phase] + Number(isHeldOnly),
    code: job.endCode ?? job.trouble ?? null,
    failures: job.failures.draft + job.failures.grade,
    outages: outagesOf(job),
    dueAt: state === "queued" ? job.dueAt : null,
    worker: lease?.worker ?? null,
    until: lease?.until ?? null,
    endedAt: job.endedAt ?? null,
    results: results.size === 0 ? null : Object.fromEntries(results),
  };
}

function viewBacklog({ jobs, now }: QueueModel): object {
  const live = Object.groupBy(jobs.filter(isLive), ({ state, dueAt }) => {
    if (state === "leased") return "leased";
    return dueAt <= now ? "due" : "delayed";
  });
  return Object.fromEntries(
    Object.entries(live).map(([state, group]) => [
      state,
      {
        ct: group.length,
        outages: group.filter((job) => outagesOf(job) > 0).length,
        oldest: state === "due" ? now - Math.min(...group.map(({ dueAt }) => dueAt)) : null,
      },
    ]),
  );
}

function outagesOf({ outages }: ModelJob): number {
  return outages.draft + outages.grade;
}
