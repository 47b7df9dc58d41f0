-- Begins the transaction of an act that is written down. So that a caller who fell silent in the middle of it, behind a
-- dead network say, does not keep for ever what he has locked, the server ends the transaction after 10 s without a word
-- from him.
--   Answers: ok.
create or replace function :"schema".begin_action() returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('idle_in_transaction_session_timeout', '10s', true);
  return 'ok';
end
$$;
