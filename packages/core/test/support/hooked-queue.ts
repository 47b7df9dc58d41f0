import type { TestRow } from "@leasehold/core/testing";

import { type Queue, setupQueue } from "./queue.ts";
import type { TestServer } from "./server.ts";

/** A queue whose type has a hook, which writes down each call and raises when it is told to. */
export interface HookedQueue extends Queue {
  /** What the hook was called with and what was not undone, in order. */
  calls(): Promise<readonly TestRow[]>;
  /** Makes the hook raise on every transition to a state, or to any with `%`. */
  raiseOn(toState: string, sqlstate?: string): Promise<void>;
  raiseNoMore(): Promise<void>;
}

export async function setupHookedQueue(server: TestServer): Promise<HookedQueue> {
  const queue = await setupQueue(server);
  await queue.query(`create table :"schema".hook_call (
    id integer generated always as identity, job_id uuid, type text, from_state text, to_state text, phase text,
    code text, result jsonb
  )`);
  await queue.query('create table :"schema".hook_fault (to_state text, state text)');
  await createHook(queue);
  await queue.call("register_type", "essay", `"${queue.schema}".on_essay${argumentTypes}`);
  return {
    ...queue,
    calls: () =>
      queue.query(`select job_id, type, from_state, to_state, phase, code, result
        from :"schema".hook_call order by id`),
    async raiseOn(toState, sqlstate = "P0001") {
      await queue.query('insert into :"schema".hook_fault values ($1, $2)', toState, sqlstate);
    },
    async raiseNoMore() {
      await queue.query('delete from :"schema".hook_fault');
    },
  };
}

/** Makes the hook's function, which must not be there. */
export async function createHook(queue: Queue): Promise<void> {
  await queue.query(`create function :"schema".on_essay(
    p_job_id uuid, p_type text, p_from text, p_to text, p_phase text, p_code text, p_result jsonb
  ) returns void language plpgsql as $$
  declare
    v_state text;
  begin
    insert into :"schema".hook_call (job_id, type, from_state, to_state, phase, code, result)
    values (p_job_id, p_type, p_from, p_to, p_phase, p_code, p_result);
    select state into v_state from :"schema".hook_fault where p_to like to_state;
    if found then
      raise exception using errcode = v_state, message = 'A learner wrote this.';
    end if;
  end
  $$`);
}

const argumentTypes = "(uuid,text,text,text,text,text,jsonb)";
