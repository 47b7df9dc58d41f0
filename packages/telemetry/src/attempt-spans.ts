import type { AttemptRef, WorkerEvent } from "@leasehold/core";
import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";

import type { Conventions } from "./conventions.ts";
import { parseTraceparent } from "./traceparent.ts";

/** How the work on a job belongs to the trace of who enqueued it. */
export type TraceParenting = "link" | "parent";

export interface AttemptSpansOptions {
  readonly tracer: Tracer;
  readonly conventions: Conventions;
  readonly parenting: TraceParenting;
}

/** The spans of the attempts of one worker, made of what it tells. */
export interface AttemptSpans {
  note(event: WorkerEvent): void;
  /** Where spans of this attempt's work belong; undefined when it does not run here. */
  contextOf(attempt: Pick<AttemptRef, "jobId" | "phase" | "attempt">): Context | undefined;
  /** Ends what is open: nobody will tell of it any more. */
  endAll(): void;
}

interface OpenAttempt {
  readonly process: Span;
  readonly processContext: Context;
  readonly phase: Span;
  readonly phaseContext: Context;
  settle: Span | undefined;
}

/** The event that an attempt ends with, and what is said of it. `phase_waiting` and the like are no errors. */
const outcomes: Readonly<Record<string, { readonly outcome: string; readonly isError: boolean }>> =
  {
    "phase.completed": { outcome: "completed", isError: false },
    "job.waiting": { outcome: "waiting", isError: false },
    "job.retried": { outcome: "retried", isError: true },
    "job.released": { outcome: "released", isError: true },
    "job.failed": { outcome: "failed", isError: true },
    "job.dead": { outcome: "dead", isError: true },
    "job.cancelled": { outcome: "cancelled", isError: false },
    "lease.lost": { outcome: "lost", isError: true },
  };

/** Turns events into spans: one per attempt, and in it one of the work and one of writing it down. */
export function createAttemptSpans(options: AttemptSpansOptions): AttemptSpans {
  const open = new Map<string, OpenAttempt>();

  const end = (key: string, event: { readonly name: string; readonly code?: string }): void => {
    const attempt = open.get(key);
    const known = outcomes[event.name];
    if (attempt === undefined || known === undefined) return;
    open.delete(key);
    const { outcome, isError } = known;
    // To make room for a deployment is no error.
    const isFault = isError && event.code !== "worker_stopping";
    const code = isFault ? toErrorType(event.code ?? "lease_lost") : undefined;
    close(attempt, { "leasehold.outcome": outcome }, code);
  };

  const endAll = (): void => {
    for (const attempt of open.values()) {
      close(attempt, { "leasehold.outcome": "left" }, "worker_stopping");
    }
    open.clear();
  };

  return {
    note(event) {
      if (event.name === "worker.stopped") endAll();
      if (!("jobId" in event)) return;
      const key = toKey(event);
      if (event.name === "phase.started") {
        open.set(key, start(options, event));
      } else if (event.name === "phase.ended") {
        const attempt = open.get(key);
        if (attempt !== undefined) beginSettling(options, attempt, event);
      } else {
        end(key, event);
      }
    },
    contextOf: (attempt) => open.get(toKey(attempt))?.phaseContext,
    endAll,
  };
}

function start(
  { tracer, conventions, parenting }: AttemptSpansOptions,
  event: AttemptRef & { readonly trace?: string },
): OpenAttempt {
  const { jobId, type, phase, attempt } = event;
  const created = event.trace === undefined ? undefined : parseTraceparent(event.trace);
  const isChild = created !== undefined && parenting === "parent";
  const links: readonly Link[] = created === undefined || isChild ? [] : [{ context: created }];
  const attributes = conventions.ofJob({ operation: "process", type, jobId, phase, attempt });
  const process = tracer.startSpan(
    `process ${type}`,
    { kind: SpanKind.CONSUMER, attributes, links: [...links] },
    isChild ? trace.setSpanContext(ROOT_CONTEXT, created) : ROOT_CONTEXT,
  );
  const processContext = trace.setSpan(ROOT_CONTEXT, process);
  const span = tracer.startSpan(
    `phase ${phase}`,
    { kind: SpanKind.INTERNAL, attributes: { "leasehold.phase": phase } },
    processContext,
  );
  const phaseContext = trace.setSpan(processContext, span);
  return { process, processContext, phase: span, phaseContext, settle: undefined };
}

/** The span of writing down lasts until the transaction has ended, and so includes the type's hook and the effect. */
function beginSettling(
  { tracer, conventions }: AttemptSpansOptions,
  attempt: OpenAttempt,
  { jobId, type, code }: AttemptRef & { readonly code?: string },
): void {
  if (code !== undefined && code !== "phase_waiting") fail(attempt.phase, toErrorType(code));
  attempt.phase.end();
  const attributes = conventions.ofJob({ operation: "settle", type, jobId });
  attempt.settle = tracer.startSpan(
    `settle ${type}`,
    { kind: SpanKind.CLIENT, attributes },
    attempt.processContext,
  );
}

function close(
  { process, phase, settle }: OpenAttempt,
  attributes: Readonly<Record<string, string>>,
  code: string | undefined,
): void {
  // Without effect on a span that has ended.
  phase.end();
  settle?.setAttributes(attributes);
  settle?.end();
  process.setAttributes(attributes);
  if (code !== undefined) fail(process, code);
  process.end();
}

function fail(span: Span, code: string): void {
  span.setAttribute("error.type", code);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Codes are words of programs; whatever else an event should carry stays here. */
export function toErrorType(code: string): string {
  return /^[a-z0-9_]{1,64}$/.test(code) ? code : "other";
}

function toKey({ jobId, phase, attempt }: Pick<AttemptRef, "jobId" | "phase" | "attempt">): string {
  return `${jobId} ${phase} ${attempt}`;
}
