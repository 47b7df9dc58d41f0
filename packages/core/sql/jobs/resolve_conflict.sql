-- What becomes of a live job whose unique key a new one wants too. Private; see enqueue_jobs. The caller holds the lock
-- on the key.
--   p_job: the new job, whole; its onConflict is keep, replace or supersede.
--   Locks: the old job's ready row, and for supersede its lease. Indexes: unique_key (queue, key), job (id).
--   Answers: outcome existing | replaced with the old job's id, or an id of null when the key is free now. A hook that
--   raises because its job is superseded undoes the enqueue, and the error is the caller's.
create or replace function :"schema".resolve_conflict(p_job jsonb, out outcome text, out id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_mode text := p_job ->> 'onConflict';
  v_job_id bigint;
  v_type text;
begin
  if v_mode not in ('keep', 'replace', 'supersede') then
    raise exception using errcode = '22023', message = 'enqueue_jobs: onConflict must be keep, replace or supersede';
  elsif v_mode = 'replace' and p_job ->> 'idempotencyKey' is not null then
    raise exception using errcode = '22023',
      message = 'enqueue_jobs: a job that may replace another has no idempotencyKey: the other one keeps its own';
  end if;
  select u.job_id, j.public_id, j.type into v_job_id, id, v_type
  from :"schema".unique_key as u join :"schema".job as j on j.id = u.job_id
  where u.queue = coalesce(p_job ->> 'queue', 'default') and u.key = p_job ->> 'uniqueKey';
  if not found then
    return;
  end if;
  outcome := 'existing';
  if v_mode = 'supersede' then
    perform :"schema".stop_job(v_job_id, 'cancel', 'superseded', null, true);
    id := null;
  elsif v_mode = 'replace' and v_type = p_job ->> 'type' then
    if :"schema".replace_job(v_job_id, p_job) then
      outcome := 'replaced';
    elsif not exists (select from :"schema".unique_key as u where u.job_id = v_job_id) then
      -- It ended while we waited for it.
      id := null;
    end if;
  end if;
end
$$;
