-- A submission that is deleted takes its work along: live jobs are cancelled, and what they held is erased.
create or replace function :"schema".learning_forget() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform :"schema".redact_jobs(array(
    select j.id from :"schema".job as j
    where j.type = 'learning.submission' and j.payload ->> 'submissionId' = old.id::text
  ));
  return null;
end
$$;
create or replace trigger learning_forget after delete on public.learning_submissions
  for each row execute function :"schema".learning_forget();
