-- Writes down what an operator does, in the transaction that does it.
--   p_id: of the act; a further call with the same one, by the same operator, counts its jobs to the first.
--   p_operator: who, in the host's words. p_action: such as job.requeue. p_target: a job, a queue, a filter, cut to 512
--   characters; never what is in a job. p_reason: the operator's own words, cut to 1,024 characters. p_outcome: what the
--   act answered. p_jobs: how many jobs it changed.
--   Locks: the row. Index: action (id).
--   Answers: ok.
create or replace function :"schema".note_action(
  p_id uuid, p_operator text, p_action text, p_target text default null, p_reason text default null,
  p_outcome text default 'ok', p_jobs integer default 0
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into :"schema".action as a (id, at, operator, login, action, target, reason, outcome, jobs)
  values (
    p_id, :"schema".clock(), p_operator, session_user, p_action, left(p_target, 512), left(p_reason, 1024), p_outcome, p_jobs
  )
  on conflict (id) do update set jobs = a.jobs + excluded.jobs, outcome = excluded.outcome
  where a.operator = excluded.operator and a.action = excluded.action and a.login = excluded.login;
  if not found then
    raise exception using errcode = '22023', message = 'note_action: the id is that of another act';
  end if;
  return 'ok';
end
$$;
