-- Says how jobs of a type are retried and which function of the host moves along with them. For the schema's owner.
--   p_hook: `fn(job_id uuid, type text, from_state text, to_state text, phase text, code text, result jsonb)`, or null.
--   It is called in the transaction of every checkpoint, completion, retry, release, failure, lapse, cancel and
--   requeue; when it raises, that job's transition is undone and charged as `effect_failed`. It runs as the schema's
--   owner and finds nothing but Postgres's own by itself: it names every table with its schema, or sets a search_path
--   of its own.
--   p_retries_max: charged failures per phase before the job is dead. p_backoff_*: in milliseconds. Null keeps what is.
create or replace function :"schema".register_type(
  p_type text, p_hook regprocedure default null, p_retries_max smallint default null,
  p_losses_max smallint default null, p_backoff_base_ms integer default null, p_backoff_cap_ms integer default null
) returns void
language plpgsql volatile security invoker set search_path = pg_catalog, pg_temp
as $$
declare
  -- With nothing but pg_catalog on the search_path this is the function's name with its schema, quoted where need be.
  v_hook text := p_hook::oid::regproc::text;
begin
  if to_regprocedure(v_hook || '(uuid, text, text, text, text, text, jsonb)') is distinct from p_hook then
    raise exception using errcode = '42883',
      message = 'register_type: p_hook must take (uuid, text, text, text, text, text, jsonb)';
  end if;
  insert into :"schema".job_type (name) values (p_type) on conflict do nothing;
  update :"schema".job_type set
    hook = coalesce(v_hook, hook),
    retries_max = coalesce(p_retries_max, retries_max),
    losses_max = coalesce(p_losses_max, losses_max),
    backoff_base_ms = coalesce(p_backoff_base_ms, backoff_base_ms),
    backoff_cap_ms = coalesce(p_backoff_cap_ms, backoff_cap_ms)
  where name = p_type;
end
$$;
