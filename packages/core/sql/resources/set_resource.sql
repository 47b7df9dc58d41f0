-- Says how many jobs may use a resource at once, over all workers. From then on what adapters declare counts no more.
-- Jobs that run stay; fewer are claimed until the number holds.
--   p_concurrency: at least 1; null: no bound.
--   Locks: the resource's row. Index: resource (name).
--   Answers: created | updated.
create or replace function :"schema".set_resource(p_name text, p_concurrency integer) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  update :"schema".resource as r set concurrency_max = p_concurrency, is_set = true where r.name = p_name;
  if found then
    perform :"schema".hint_workers();
    return 'updated';
  end if;
  insert into :"schema".resource as r (name, concurrency_max, is_set) values (p_name, p_concurrency, true)
  on conflict (name) do update set concurrency_max = excluded.concurrency_max, is_set = true;
  perform :"schema".hint_workers();
  return 'created';
end
$$;
