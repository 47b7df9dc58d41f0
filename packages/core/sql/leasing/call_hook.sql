-- Calls the hook of a type, if it has one, in the transaction of the transition. The hook is what the schema's owner
-- registered, a name that Postgres itself has quoted; no caller ever names a function. This is the only dynamic SQL of
-- the schema.
--   p_result: the phase's output on checkpoint and completion, else null.
create or replace function :"schema".call_hook(
  p_job_id bigint, p_type text, p_from text, p_to text, p_phase text, p_code text, p_result jsonb
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_hook text;
  v_public_id uuid;
begin
  select hook into v_hook from :"schema".job_type where name = p_type;
  if v_hook is null then
    return;
  end if;
  select public_id into strict v_public_id from :"schema".job where id = p_job_id;
  execute format('select %s($1, $2, $3, $4, $5, $6, $7)', v_hook)
    using v_public_id, p_type, p_from, p_to, p_phase, p_code, p_result;
end
$$;
