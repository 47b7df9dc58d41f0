import { z } from "@hono/zod-openapi";
import { type JobState, jobStates } from "@leasehold/core";

export const state: z.ZodType<JobState, JobState> = z.enum(jobStates);

/** Of a query or a path: names as the schema of the database allows them. */
export const word: z.ZodType<string, string> = z.string().min(1).max(256);
/** The operator's own words, for the audit. */
export const reason: z.ZodType<string, string> = z.string().max(1_024);
export const moment: z.ZodType<string, string> = z.iso.datetime({ offset: true });

const text = z.string();
const count = z.int();

const waitsFor = z.object({
  reason: text,
  name: text.optional(),
  until: moment.optional(),
});

const listing = {
  id: text,
  type: text,
  version: count,
  queue: text,
  priority: count,
  state,
  phase: text,
  attempt: count,
  code: text.optional(),
  worker: text.optional(),
  createdAt: moment,
  dueAt: moment.optional(),
  leasedUntil: moment.optional(),
  finishedAt: moment.optional(),
  waitsFor: waitsFor.optional(),
};

export const jobPage: z.ZodType = z.object({
  jobs: z.array(z.object({ ...listing, failures: count, losses: count, outages: count })),
  next: text.optional().openapi({
    description: "To be given as `after`. There may be more where there are no jobs.",
  }),
});

export const timeline: z.ZodType = z.object({
  ...listing,
  startBy: moment.optional(),
  endBy: moment.optional(),
  parent: text.optional(),
  openChildren: count,
  failedChildren: count,
  phases: z.array(
    z.object({
      phase: text,
      attempts: count,
      failures: count,
      losses: count,
      outages: count,
      code: text.optional(),
      parts: count,
      savedAt: moment.optional(),
      isSkipped: z.boolean(),
      provenance: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  attempts: z.array(
    z.object({
      phase: text,
      attempt: count,
      outcome: text.optional().openapi({ description: "Absent: it runs." }),
      code: text.optional(),
      worker: text,
      startedAt: moment.optional(),
      finishedAt: moment.optional(),
    }),
  ),
  signals: z.array(z.object({ name: text, at: moment, isLate: z.boolean() })),
  children: z.array(z.object({ id: text, type: text, state: state.optional() })),
});

export const causes: z.ZodType = z.object({
  causes: z.array(
    z.object({
      cause: text,
      sentence: text,
      blocker: text.optional(),
      until: moment.optional(),
    }),
  ),
});

export const revealed: z.ZodType = z.object({
  tenant: text.optional(),
  subject: text.optional(),
  payload: z.unknown(),
  results: z.array(z.object({ phase: text, output: z.unknown() })),
  messages: z.array(z.object({ phase: text, attempt: count, message: text })),
  signals: z.array(z.object({ name: text, payload: z.unknown() })),
});
