-- Makes the row of a resource when it is met for the first time. What an operator has set stays, and so does what is
-- known when the caller knows nothing.
--   p_concurrency: jobs at once, as the adapter has it; null: it says nothing.
--   Locks: the resource's row, when there is something to write. Index: resource (name).
--   Answers: the jobs at once that hold now; null: no bound.
create or replace function :"schema".declare_resource(p_name text, p_concurrency integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_concurrency integer;
begin
  insert into :"schema".resource as r (name, concurrency_max) values (p_name, p_concurrency)
  on conflict (name) do update set concurrency_max = excluded.concurrency_max
  where not r.is_set and r.concurrency_max is distinct from excluded.concurrency_max
    and excluded.concurrency_max is not null;
  select r.concurrency_max into strict v_concurrency from :"schema".resource as r where r.name = p_name;
  return v_concurrency;
end
$$;
