import { type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";

import { toErrorType } from "./attempt-spans.ts";
import type { Conventions, ModelFacts } from "./conventions.ts";
import type { ModelCallEnd, ModelCallStart, ModelWatcher } from "./watch-model.ts";

export interface ModelSpansOptions {
  readonly tracer: Tracer;
  readonly conventions: Conventions;
  /** The phase that calls, if it is known. */
  readonly active: () => Context;
}

/** Makes a span of every call of a model: what was asked and answered is in none. */
export function createModelSpans({ tracer, conventions, active }: ModelSpansOptions): ModelWatcher {
  return {
    async around(kind, start, run) {
      const name = kind === "load" ? `load ${start.name}` : `chat ${start.name}`;
      const attributes = kind === "load" ? {} : conventions.ofModel(toFacts(start));
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, active());
      try {
        return await run((end) => {
          if (kind === "generate") describe(span, conventions, toFacts(start, end));
          if (end.code === undefined) return;
          span.setAttribute("error.type", toErrorType(end.code));
          span.setStatus({ code: SpanStatusCode.ERROR });
        });
      } finally {
        span.end();
      }
    },
  };
}

function describe(span: Span, conventions: Conventions, facts: ModelFacts): void {
  span.updateName(`chat ${facts.model}`);
  span.setAttributes(conventions.ofModel(facts));
}

function toFacts({ name, request }: ModelCallStart, end?: ModelCallEnd): ModelFacts {
  const { provenance, finish, usage = {} } = end?.response ?? {};
  const { firstTokenMs } = end ?? {};
  return {
    provider: provenance?.adapter ?? name,
    model: provenance?.model ?? name,
    ...request,
    ...usage,
    ...(finish === undefined ? {} : { finish }),
    ...(firstTokenMs === undefined ? {} : { firstTokenSeconds: firstTokenMs / 1000 }),
  };
}
