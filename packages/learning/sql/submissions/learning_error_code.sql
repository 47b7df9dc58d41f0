-- The runbook's word for why a submission failed: what was wrong with the upload, or else the phase that failed.
create or replace function :"schema".learning_error_code(p_phase text, p_code text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_code in ('input_corrupt', 'input_unsupported', 'input_too_large') then p_code
    else p_phase || '_failed' end
$$;
