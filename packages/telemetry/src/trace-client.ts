import type { Client } from "@leasehold/core";
import { type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";

import type { Conventions } from "./conventions.ts";
import { toTraceparent } from "./traceparent.ts";

export interface TraceClientOptions {
  readonly tracer: Tracer;
  readonly conventions: Conventions;
  /** The span that the host is in, if any. */
  readonly active: () => Context;
}

/**
 * The same client, whose `enqueue` and `enqueueMany` are spans that their jobs carry along. A `trace` that the caller
 * passes stays as it is.
 */
export function traceClient(client: Client, options: TraceClientOptions): Client {
  return {
    ...client,
    enqueue: (pipeline, input, given = {}) =>
      inSpan(options, pipeline.type, async (span) => {
        const trace = given.trace ?? toTraceparent(span.spanContext());
        const answer = await client.enqueue(pipeline, input, { ...given, trace });
        const facts = { operation: "enqueue", type: pipeline.type, jobId: answer.id } as const;
        span.setAttributes(options.conventions.ofJob(facts));
        span.setAttribute("leasehold.outcome", answer.outcome);
        return answer;
      }),
    enqueueMany: (pipeline, inputs, given = {}) =>
      inSpan(options, pipeline.type, (span) => {
        span.setAttribute("messaging.batch.message_count", inputs.length);
        const trace = given.trace ?? toTraceparent(span.spanContext());
        return client.enqueueMany(pipeline, inputs, { ...given, trace });
      }),
  };
}

async function inSpan<Answer>(
  { tracer, conventions, active }: TraceClientOptions,
  type: string,
  run: (span: Span) => Promise<Answer>,
): Promise<Answer> {
  const attributes = conventions.ofJob({ operation: "enqueue", type });
  const span = tracer.startSpan(
    `enqueue ${type}`,
    { kind: SpanKind.PRODUCER, attributes },
    active(),
  );
  try {
    return await run(span);
  } catch (error) {
    // No word of the error: it may name what did not fit.
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
