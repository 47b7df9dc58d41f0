import { type CompatibilityView, renderCompatibilityView } from "@leasehold/core";

/** The runbook's job table. */
const submissionJobs: CompatibilityView = {
  name: "public.learning_submission_jobs",
  writer: "learning_jobs_write",
  type: "learning.submission",
  only: "j.payload ? 'submissionId'",
  canWait: false,
  states: { queued: "queued", leased: "leased", failed: "failed" },
  columns: {
    id: "id",
    submission_id: { sql: "(j.payload ->> 'submissionId')::uuid" },
    payload: {
      sql: "jsonb_build_object('submission_id', j.payload ->> 'submissionId', 'kind', j.payload ->> 'kind')",
    },
    status: "status",
    retry_count: "failures",
    visible_at: "dueAt",
    lease_key: "leaseKey",
    leased_until: "leasedUntil",
    // As in learning_error_code, which who reads the view may not call.
    error_code: {
      sql: "case when p.code in ('input_corrupt', 'input_unsupported', 'input_too_large') then p.code else p.phase || '_failed' end",
      isFree: true,
    },
    created_at: "createdAt",
    updated_at: "updatedAt",
  },
  enqueue: ':"schema".learning_enqueue(new.submission_id, new.payload, new.id, v_delay_ms)',
  erasedBy: "delete its submission, which erases what it held",
};

/** The view and what writing to it means. */
export const jobsViewDefinitions: readonly string[] = renderCompatibilityView(submissionJobs);
