-- Tells workers, when the transaction commits, that a lease was taken away on somebody's order. The message says no more
-- than that it is about an order: each worker asks after its own leases, and without the hint does so at its next
-- renewal. Workers of before take it for any other hint.
create or replace function :"schema".hint_keepers() returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$ select pg_notify('leasehold', 'order') $$;
