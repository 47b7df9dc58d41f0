-- What writing to a host's job table means: INSERT enqueues, DELETE cancels, and an UPDATE back to the queued form
-- requeues a job that ended badly or takes back a lease that ran out. Everything else is refused, above all an update that
-- would take a lease: nobody else would know of it. Nothing is accepted and then left undone. See renderCompatibilityView,
-- which fills in the places.
create or replace function :"schema".compatibility_write() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_delay_ms bigint := case when tg_op <> 'DELETE' then
    greatest(0, extract(epoch from :{due} - v_now) * 1000)::bigint end;
  v_id uuid := case when tg_op <> 'INSERT' then :{old_id} end;
  v_until timestamptz;
  v_answer text;
begin
  if tg_op = 'INSERT' and coalesce(new.:{status}, :{queued}) = :{queued} and :{may_insert} then
    v_id := :{enqueue};
    new.:{key} := :{new_key};
    return new;
  elsif tg_op = 'DELETE' then
    v_answer := :"schema".cancel_job(v_id);
    if v_answer = 'ok' then
      return old;
    elsif old.:{status} in (:{failed}, :{dead}) then
      raise exception using errcode = '55000', message = :{kept};
    end if;
    -- It ended while this statement ran: no row is gone.
    return null;
  elsif new.:{status} is distinct from :{queued}
    or :{fixed}
    or (old.:{status} = :{queued} and :{fixed_while_queued})
  then
    raise exception using errcode = '0A000', message =
      'A lease is taken with claim_jobs and kept with its token; this view only enqueues, requeues and cancels.';
  elsif old.:{status} in (:{failed}, :{dead}) then
    v_answer := :"schema".requeue_job(v_id, v_delay_ms);
    if v_answer <> 'ok' then
      raise exception using errcode = '55000', message = format('requeue_job answered %s', v_answer);
    end if;
  elsif old.:{status} = :{leased} then
    if exists (
      select from :"schema".lease as l join :"schema".job as j on j.id = l.job_id
      where j.public_id = v_id and l.until < v_now
    ) then
      -- All that ran out: one of them alone cannot be asked for.
      perform :"schema".lapse_leases(2147483647);
    end if;
    select l.until into v_until from :"schema".lease as l join :"schema".job as j on j.id = l.job_id
    where j.public_id = v_id;
    if found then
      raise exception using errcode = '55000', message = format(
        'The job is leased until %s: cancel it by deleting the row, or wait.', v_until);
    end if;
  end if;
  return new;
end
$$;
create or replace trigger :{trigger} instead of insert or update or delete
  on :{view} for each row execute function :"schema".compatibility_write();
