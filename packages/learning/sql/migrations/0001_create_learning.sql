-- What the learning worker fills in. A host that has this table already keeps it as it is, with its own rules of who
-- may see what; only columns that are missing are added.
do $$
declare
  v_role text;
begin
  if to_regclass('public.learning_submissions') is not null then
    return;
  end if;
  create table public.learning_submissions (
    id uuid primary key default gen_random_uuid(),
    course_id uuid,
    task_id uuid,
    student_sub text not null,
    kind text not null check (kind in ('text', 'image', 'file')),
    text_body text,
    storage_key text,
    mime_type text,
    size_bytes integer,
    sha256 text,
    attempt_nr integer not null default 1,
    analysis_status text not null default 'pending'
      check (analysis_status in ('pending', 'extracted', 'completed', 'failed')),
    analysis_json jsonb,
    feedback_md text,
    error_code text check (error_code in (
      'vision_retrying', 'feedback_retrying', 'vision_failed', 'feedback_failed',
      'input_corrupt', 'input_unsupported', 'input_too_large'
    )),
    idempotency_key text check (length(idempotency_key) <= 64),
    created_at timestamptz not null default now(),
    completed_at timestamptz,
    vision_attempts integer not null default 0,
    vision_last_error text,
    vision_last_attempt_at timestamptz,
    feedback_last_error text,
    feedback_last_attempt_at timestamptz,
    internal_metadata jsonb not null default '{}',
    constraint learning_submissions_kind_fields check (
      case kind
        when 'text' then text_body is not null and storage_key is null
        else storage_key is not null and size_bytes between 1 and 10485760 and sha256 ~ '^[0-9a-f]{64}$'
          and (kind = 'image') = (mime_type in ('image/png', 'image/jpeg'))
          and (kind = 'file') = (mime_type = 'application/pdf')
      end
    )
  );
  alter table public.learning_submissions enable row level security;
  create policy learning_submissions_read_own on public.learning_submissions for select
    using (student_sub = nullif(current_setting('app.current_sub', true), ''));
  create policy learning_submissions_add_own on public.learning_submissions for insert
    with check (student_sub = nullif(current_setting('app.current_sub', true), ''));
  revoke all on public.learning_submissions from public;
  -- Hosted platforms grant every new table to these two.
  for v_role in select rolname from pg_roles where rolname in ('anon', 'authenticated') loop
    execute format('revoke all on public.learning_submissions from %I', v_role);
  end loop;
end
$$;

-- Beside analysis_json, never in it: how the result came about, whether a person should look, and what made it.
alter table public.learning_submissions
  add column if not exists analysis_path text,
  add column if not exists needs_review boolean,
  add column if not exists provenance jsonb;

create index learning_job_submission on :"schema".job ((payload ->> 'submissionId'))
  where type = 'learning.submission';
