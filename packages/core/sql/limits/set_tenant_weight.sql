-- Says how large a tenant's share is, where tenants take turns: with weights 1 and 3, one starts a job for three of the
-- other. It holds for the next claim.
--   p_weight: from 0.001 to 1000; null takes it back to 1.
--   Locks: the row. Answers: ok.
create or replace function :"schema".set_tenant_weight(p_tenant text, p_weight double precision) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_weight, 1) = 1 then
    delete from :"schema".tenant_weight where tenant = p_tenant;
  else
    insert into :"schema".tenant_weight (tenant, weight) values (p_tenant, p_weight)
    on conflict (tenant) do update set weight = excluded.weight;
  end if;
  return 'ok';
end
$$;
