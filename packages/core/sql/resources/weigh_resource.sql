-- What a resource bears at this moment. Private; it changes nothing. Who has locked the row may act on it.
--   After an outage one job at a time goes first, then twice as many every 5 seconds. None while it is paused.
--   Index: lease (resource), and those of judge_probe.
--   Answers: state (closed; open: one job may look when nothing is to be waited for; half_open: one looks), wait_ms until
--   it is worth asking again, and places for jobs (null: no bound). A state that is not the row's is to be written.
create or replace function :"schema".weigh_resource(
  p_resource :"schema".resource, p_now timestamptz, out state text, out wait_ms integer, out places integer
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_until timestamptz;
  v_slow_since timestamptz := p_resource.slow_since;
  v_doublings integer;
  v_fate text;
begin
  state := p_resource.state;
  wait_ms := 0;
  if exists (select from :"schema".pause as p where p.scope = 'resource' and p.name = p_resource.name) then
    -- Whatever its breaker says stays as it is until the pause is over.
    places := 0;
    if state <> 'closed' then
      wait_ms := 1000;
    end if;
    return;
  end if;
  if state = 'open' then
    v_until := p_resource.open_until;
  elsif state = 'half_open' then
    v_fate := :"schema".judge_probe(p_resource.probe_job_id, p_resource.probe_token);
    -- However probes end, there is one in 5 seconds at most.
    v_until := p_resource.probed_at + interval '5 seconds';
    if v_fate = 'answered' then
      state := 'closed';
      v_slow_since := p_now;
    end if;
  end if;
  if state <> 'closed' then
    -- A clock that went back must not lengthen a wait.
    if v_until > p_now and (p_resource.changed_at <= p_now or v_until = 'infinity') then
      wait_ms := ceil(extract(epoch from least(v_until, p_now + interval '1 day') - p_now) * 1000);
    elsif v_fate = 'running' then
      wait_ms := 1000;
    end if;
    if wait_ms > 0 then
      places := 0;
      return;
    end if;
  end if;

  places := p_resource.concurrency_max;
  if state = 'closed' and v_slow_since is not null then
    v_doublings := floor(greatest(extract(epoch from p_now - v_slow_since), 0) / 5);
    if v_doublings < 16 then
      places := least(places, 1 << v_doublings);
    end if;
  end if;
  if places is not null then
    select greatest(places - count(*), 0) into places from :"schema".lease as l
    where l.resource = p_resource.name and l.resource <> '';
  end if;
  if state <> 'closed' then
    places := least(places, 1);
  end if;
end
$$;
