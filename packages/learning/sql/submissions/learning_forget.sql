-- A submission that is deleted takes its work along: live jobs are cancelled, and what they held is erased.
create or replace function :"schema".learning_forget() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job record;
begin
  for v_job in
    select j.id, j.public_id from :"schema".job as j
    where j.type = 'learning.submission' and j.payload ->> 'submissionId' = old.id::text order by j.id
  loop
    perform :"schema".cancel_job(v_job.public_id);
    update :"schema".job set payload = '{}', subject = null, unique_key = null where id = v_job.id;
    delete from :"schema".result where job_id = v_job.id;
  end loop;
  return null;
end
$$;
create or replace trigger learning_forget after delete on public.learning_submissions
  for each row execute function :"schema".learning_forget();
