-- What operators did, the newest first.
--   p_before: the number of a row, to go on after it. p_limit: 1 to 200. p_operator, p_target: only theirs, only there.
--   Index: action (number).
--   Answers: rows with number, id, time, operator, login, action, target, reason, outcome and how many jobs it changed.
create or replace function :"schema".get_actions(
  p_before bigint default null, p_limit integer default 50, p_operator text default null, p_target text default null
)
returns table (
  number bigint, id uuid, at timestamptz, operator text, login text, action text, target text, reason text, outcome text,
  jobs integer
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select a.number, a.id, a.at, a.operator, a.login, a.action, a.target, a.reason, a.outcome, a.jobs
  from :"schema".action as a
  where a.number < coalesce(p_before, 9223372036854775807) and (p_operator is null or a.operator = p_operator)
    and (p_target is null or a.target = p_target)
  order by a.number desc limit least(greatest(p_limit, 1), 200)
$$;
