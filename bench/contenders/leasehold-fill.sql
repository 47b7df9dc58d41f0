-- Adds jobs of type $1, due in $2 milliseconds, numbered from $3 to $4.
select count(*) from leasehold.enqueue_jobs((
  select jsonb_agg(jsonb_build_object(
    'type', $1::text, 'version', 1, 'phase', 'run', 'delayMs', $2::bigint,
    'payload', jsonb_build_object('n', n, 'text', 'small')
  ))
  from generate_series($3::integer, $4::integer) as n
))
