-- What the jobs of a chaos run do to the world. None of the tables has a unique key: it is for the leases to keep an
-- effect single, and for the checker to see when they do not.

create table public.chaos_effect (
  job_id uuid not null,
  -- prepared: committed by the first phase. completed: written by the hook, in the transaction of the completion.
  kind text not null
);
create index on public.chaos_effect (job_id);

-- Every transaction that a phase committed under its lease.
create table public.chaos_write (
  job_id uuid not null,
  phase text not null,
  attempt integer not null,
  at timestamptz not null default leasehold.clock()
);

create function public.chaos_hook(
  p_job_id uuid, p_type text, p_from text, p_to text, p_phase text, p_code text, p_result jsonb
) returns void
language sql
as $$
  insert into public.chaos_effect (job_id, kind) select p_job_id, 'completed' where p_to = 'completed'
$$;
