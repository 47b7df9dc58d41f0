-- What writing to public.learning_submission_jobs means: INSERT enqueues, DELETE cancels, and an UPDATE back to
-- `queued` requeues a failed job or takes back a lease that ran out. Everything else is refused, above all an update
-- that would take a lease: nobody else would know of it. Nothing is accepted and then left undone.
create or replace function :"schema".learning_jobs_write() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_delay_ms bigint := case when tg_op <> 'DELETE' then
    greatest(0, extract(epoch from new.visible_at - v_now) * 1000)::bigint end;
  v_until timestamptz;
  v_answer text;
begin
  if tg_op = 'INSERT' and coalesce(new.status, 'queued') = 'queued' then
    new.id := :"schema".learning_enqueue(new.submission_id, new.payload, new.id, v_delay_ms);
    return new;
  elsif tg_op = 'DELETE' then
    v_answer := :"schema".cancel_job(old.id);
    if v_answer = 'ok' then
      return old;
    elsif old.status = 'failed' then
      raise exception using errcode = '55000', message =
        'A job that failed is kept: requeue it, or delete its submission, which erases what it held.';
    end if;
    -- It ended while this statement ran: no row is gone.
    return null;
  elsif new.status is distinct from 'queued'
    or (new.id, new.submission_id, new.payload, new.created_at)
      is distinct from (old.id, old.submission_id, old.payload, old.created_at)
    or (old.status = 'queued' and (new.visible_at, new.retry_count) is distinct from (old.visible_at, old.retry_count))
  then
    raise exception using errcode = '0A000', message =
      'A lease is taken with claim_jobs and kept with its token; this view only enqueues, requeues and cancels.';
  elsif old.status = 'failed' then
    v_answer := :"schema".requeue_job(old.id, v_delay_ms);
    if v_answer <> 'ok' then
      raise exception using errcode = '55000', message = format('requeue_job answered %s', v_answer);
    end if;
  elsif old.status = 'leased' then
    if old.leased_until < v_now then
      -- All that ran out: one of them alone cannot be asked for.
      perform :"schema".lapse_leases(2147483647);
    end if;
    select l.until into v_until from :"schema".lease as l join :"schema".job as j on j.id = l.job_id
    where j.public_id = old.id;
    if found then
      raise exception using errcode = '55000', message = format(
        'The job is leased until %s: cancel it by deleting the row, or wait.', v_until);
    end if;
  end if;
  return new;
end
$$;
create or replace trigger learning_jobs_write instead of insert or update or delete
  on public.learning_submission_jobs for each row execute function :"schema".learning_jobs_write();
