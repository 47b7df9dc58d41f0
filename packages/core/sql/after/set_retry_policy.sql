-- Says how one phase of a type is retried. For the schema's owner. It holds for the next failure, also of jobs that are
-- there already.
--   p_kind: exponential (p_base_ms · 2^(failures - 1), at most p_cap_ms, half of it at random) | fixed (p_base_ms) |
--   null: the phase goes by its type again, see register_type.
--   p_retries_max: charged failures before the job is dead. p_base_ms, p_cap_ms: in milliseconds. Null: as the type says.
create or replace function :"schema".set_retry_policy(
  p_type text, p_phase text, p_kind text, p_retries_max smallint default null, p_base_ms integer default null,
  p_cap_ms integer default null
) returns void
language plpgsql volatile security invoker set search_path = pg_catalog, pg_temp
as $$
begin
  insert into :"schema".job_type (name) values (p_type) on conflict do nothing;
  if p_kind is null then
    delete from :"schema".retry_policy where type = p_type and phase = p_phase;
    return;
  end if;
  insert into :"schema".retry_policy (type, phase, kind, retries_max, base_ms, cap_ms)
  values (p_type, p_phase, p_kind, p_retries_max, p_base_ms, p_cap_ms)
  on conflict (type, phase) do update set
    kind = excluded.kind, retries_max = excluded.retries_max, base_ms = excluded.base_ms, cap_ms = excluded.cap_ms;
end
$$;
