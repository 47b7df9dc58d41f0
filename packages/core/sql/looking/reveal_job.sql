-- What is in a job, for an operator who says why: it is written down before it is read, and is not read otherwise. This is
-- content: granted to no role, and for the owner to grant with care.
--   p_operator: who, in the host's words. p_reason: the operator's own words, needed.
--   Index: job (public_id), result, attempt, signal (job_id).
--   Answers: one row, or none when there is no such job, which is written down all the same. results: array of { phase,
--   output }. messages: array of { phase, attempt, message }, the last 100. signals: array of { name, payload }.
create or replace function :"schema".reveal_job(p_id uuid, p_operator text, p_reason text)
returns table (tenant text, subject text, payload jsonb, results jsonb, messages jsonb, signals jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_reason, '') !~ '\S' then
    raise exception using errcode = '22023', message = 'reveal_job: a reason is needed';
  end if;
  perform :"schema".note_action(
    gen_random_uuid(), p_operator, 'job.reveal', p_id::text, p_reason,
    case when exists (select from :"schema".job as j where j.public_id = p_id) then 'ok' else 'not_found' end
  );
  return query
    select j.tenant, j.subject, j.payload,
      coalesce((
        select jsonb_agg(jsonb_build_object('phase', r.phase, 'output', r.output) order by r.saved_at, r.phase)
        from :"schema".result as r where r.job_id = j.id and r.part = 0
      ), '[]'),
      coalesce((
        select jsonb_agg(jsonb_build_object('phase', m.phase, 'attempt', m.attempt, 'message', m.message)
          order by m.finished_at, m.phase, m.attempt)
        from (
          select a.phase, a.attempt, a.message, a.finished_at from :"schema".attempt as a
          where a.job_id = j.id and a.message is not null order by a.finished_at desc limit 100
        ) as m
      ), '[]'),
      coalesce((
        select jsonb_agg(jsonb_build_object('name', s.name, 'payload', s.payload) order by s.at, s.name)
        from :"schema".signal as s where s.job_id = j.id
      ), '[]')
    from :"schema".job as j where j.public_id = p_id;
end
$$;
