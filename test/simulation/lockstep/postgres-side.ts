import { createClient } from "@leasehold/core";
import type { TestDatabase } from "@leasehold/core/testing";

import { createPostgresStore, type JobStore, type LaneIds } from "../production.ts";
import { limits, type Side, type Sight, types } from "./side.ts";

export interface PostgresSide extends Side, AsyncDisposable {
  /** Forgets every job, and sets the clock to so long before or after the server started. */
  reset(startMs: number): Promise<void>;
}

/** The real functions, on a clock that stands still between commands. */
export async function createPostgresSide(database: TestDatabase): Promise<PostgresSide> {
  const { connection, schema } = database;
  const openStore = (): JobStore =>
    createPostgresStore({ connection, schema, name: "lockstep", connections: 1 });
  let store = openStore();
  const client = createClient({ connection, schema });
  await prepare(database);
  const lanes: (readonly [string, LaneIds])[] = [];
  for (const { name: type, phases } of types) {
    const declared = await store.declareLanes({ queue: "default", type, version: 1, phases });
    lanes.push(...declared.map((lane) => [`${type}/${lane.phase}`, lane] as const));
  }
  return {
    lanes: new Map(lanes),
    effect: `insert into "${schema}".effect (job_id, words) values ($1, $2)`,
    get store() {
      return store;
    },
    async enqueue(job) {
      const [row] = await database.query(
        'select outcome from :"schema".enqueue_jobs($1::text::jsonb)',
        [JSON.stringify([job])],
      );
      return String(row?.["outcome"]);
    },
    openBreaker: (name, forMs) => client.openBreaker(name, forMs === undefined ? {} : { forMs }),
    closeBreaker: (name) => client.closeBreaker(name),
    cancel: (publicId) => client.cancel(publicId),
    requeue: (publicId) => client.requeue(publicId),
    async advance(ms) {
      await database.query('update :"schema".test_clock set offset_ms = offset_ms + $1', [ms]);
    },
    async raise(to, sqlstate) {
      await database.query('update :"schema".hook_fault set to_state = $1, state = $2', [
        to,
        sqlstate,
      ]);
    },
    async look() {
      const [row] = await database.query('select :"schema".look() as sight');
      // The function below writes this shape.
      return row?.["sight"] as Sight;
    },
    async reset(startMs) {
      // It remembers how far its claims came, and time may go back now.
      await store.end();
      store = openStore();
      await database.query(`truncate :"schema".job, :"schema".ready, :"schema".lease,
        :"schema".stopped, :"schema".attempt, :"schema".job_counter, :"schema".result,
        :"schema".unique_key, :"schema".resource, :"schema".hook_call, :"schema".effect restart identity`);
      await database.query('update :"schema".test_clock set offset_ms = $1', [startMs]);
      await database.query(`select setval('"${schema}".tick', 1)`);
      await database.query(`update :"schema".hook_fault set to_state = 'none'`);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([store.end(), client.close()]);
    },
  };
}

async function prepare(database: TestDatabase): Promise<void> {
  const { schema } = database;
  const statements = [
    `create sequence :"schema".tick`,
    // It moves a little with each look, so that nothing happens at the same moment as something else.
    `create or replace function :"schema".clock() returns timestamptz
     language sql volatile security definer set search_path = '' as $$
       select pg_postmaster_start_time()
         + (offset_ms * 1000 + nextval('"${schema}".tick')) * interval '1 microsecond'
       from :"schema".test_clock
     $$`,
    `create table :"schema".hook_call (
       id integer generated always as identity, job_id uuid, call jsonb
     )`,
    `create table :"schema".effect (
       id integer generated always as identity, job_id bigint, words text
     )`,
    `create table :"schema".hook_fault (to_state text, state text)`,
    `insert into :"schema".hook_fault values ('none', '')`,
    `create function :"schema".on_essay(
       p_job_id uuid, p_type text, p_from text, p_to text, p_phase text, p_code text, p_result jsonb
     ) returns void language plpgsql as $$
     declare
       v_state text;
     begin
       insert into :"schema".hook_call (job_id, call)
       values (p_job_id, jsonb_build_array(p_from, p_to, p_phase, p_code, p_result));
       select state into v_state from :"schema".hook_fault where p_to like to_state;
       if found then
         raise exception using errcode = v_state;
       end if;
     end
     $$`,
    // In this language, because it keeps its plan.
    `create function :"schema".look() returns json language plpgsql as $$
     begin
       return (${sight});
     end
     $$`,
  ];
  for (const statement of statements) await database.query(statement);
  for (const { name, hasHook } of types) {
    const hook = `'"${schema}".on_essay(uuid, text, text, text, text, text, jsonb)'`;
    await database.query(
      `select :"schema".register_type(
        $1, ${hasHook ? hook : "null"}::regprocedure, $2::smallint, $3::smallint, $4, $5
      )`,
      [name, limits.retriesMax, limits.lossesMax, limits.backoffBaseMs, limits.backoffCapMs],
    );
  }
}

const ms = (column: string): string =>
  `extract(epoch from ${column} - pg_postmaster_start_time()) * 1000`;
const lane = `n.type || '/' || n.phase || case when n.solo then ' alone' else '' end`;

/** What {@link Sight} has, in the same order. */
const jobSights = `
select coalesce(json_agg(json_build_object(
  'id', j.public_id,
  'rows', json_build_object(
    'ready', case when r.job_id is not null then json_build_array(${lane}, r.priority, r.attempt) end,
    'lease', case when l.job_id is not null then json_build_array(${lane}, l.priority, l.attempt,
      l.token, l.worker, l.solo, l.lease_ms, l.started_at is not null, nullif(l.resource, '')) end,
    'stopped', case when s.job_id is not null then json_build_array(s.state, s.phase, s.code, s.worker) end,
    'attempts', (select coalesce(json_agg(json_build_array(a.phase, a.attempt, a.token, a.worker,
      a.outcome, a.code) order by a.phase collate "C", a.attempt), '[]')
      from :"schema".attempt as a where a.job_id = j.id),
    'counters', (select coalesce(json_agg(json_build_array(c.phase, c.failures, c.losses, c.losses_alone,
      c.outages, c.last_code) order by c.phase collate "C"), '[]')
      from :"schema".job_counter as c where c.job_id = j.id),
    'results', (select coalesce(json_agg(json_build_array(o.phase, o.part, o.attempt, o.output)
      order by o.phase collate "C", o.part), '[]') from :"schema".result as o where o.job_id = j.id),
    'hookCalls', (select coalesce(json_agg(h.call order by h.id), '[]')
      from :"schema".hook_call as h where h.job_id = j.public_id),
    'effects', (select coalesce(json_agg(e.words order by e.id), '[]')
      from :"schema".effect as e where e.job_id = j.id),
    'holdsKey', exists (select from :"schema".unique_key as u where u.job_id = j.id)
  ),
  'times', json_strip_nulls(json_build_object(
    'dueAt', ${ms("r.due_at")}, 'leasedAt', ${ms("l.leased_at")},
    'startedAt', ${ms("coalesce(l.started_at, s.started_at)")}, 'until', ${ms("l.until")},
    'finishedAt', ${ms("s.finished_at")}
  ))
) order by j.id), '[]')
from :"schema".job as j
left join :"schema".ready as r on r.job_id = j.id
left join :"schema".lease as l on l.job_id = j.id
left join :"schema".stopped as s on s.job_id = j.id
left join :"schema".lane as n on n.id = coalesce(r.lane_id, l.lane_id)`;

const resourceSights = `
select coalesce(json_agg(json_build_object(
  'id', r.name,
  'rows', json_build_array(r.concurrency_max, r.is_set, r.state, r.outages, r.code, r.probe_job_id, r.probe_token),
  'times', json_strip_nulls(json_build_object(
    'openUntil', ${ms("nullif(r.open_until, 'infinity')")}, 'probedAt', ${ms("r.probed_at")},
    'slowSince', ${ms("r.slow_since")}, 'changedAt', ${ms("r.changed_at")}
  ))
) order by r.name collate "C"), '[]')
from :"schema".resource as r`;

const sight = `select json_build_object('jobs', (${jobSights}), 'resources', (${resourceSights}))`;
