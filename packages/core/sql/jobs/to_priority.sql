-- The number of a priority, which may be given by its name. Inlined where it is used: no settings of its own.
create or replace function :"schema".to_priority(p_priority text) returns smallint
language sql immutable
as $$
  select case p_priority when 'urgent' then 1 when 'high' then 3 when 'normal' then 5 when 'low' then 7 when 'bulk' then 9
    else p_priority::smallint end
$$;
