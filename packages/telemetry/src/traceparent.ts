import { type SpanContext, TraceFlags } from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";

/** Reads the W3C `traceparent` of a job; undefined when it is none. */
export function parseTraceparent(text: string): SpanContext | undefined {
  const parsed = parseTraceParent(text);
  return parsed === null ? undefined : { ...parsed, isRemote: true };
}

/** Writes what a job carries of a trace. Baggage is not part of it: nobody knows what a host puts there. */
export function toTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  const flags = (traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, "0");
  return `00-${traceId}-${spanId}-${flags}`;
}
