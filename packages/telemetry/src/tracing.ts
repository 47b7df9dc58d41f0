import { AsyncLocalStorage } from "node:async_hooks";

import {
  type AdapterContext,
  type AdapterV1,
  type Client,
  defineAdapter,
  type EventSource,
  WorkerError,
} from "@leasehold/core";
import type { ModelV1 } from "@leasehold/model";
import {
  type Context,
  context as globalContext,
  type TracerProvider as TracerProviderApi,
} from "@opentelemetry/api";

import { type AttemptSpans, createAttemptSpans, type TraceParenting } from "./attempt-spans.ts";
import { createConventions, type Semconv } from "./conventions.ts";
import { createModelSpans } from "./model-spans.ts";
import { traceClient } from "./trace-client.ts";
import { openTraceExport, type TraceExport, type TraceExportOptions } from "./trace-export.ts";
import { watchModel } from "./watch-model.ts";

export interface TracingOptions {
  /** Where spans go: to a collector, or to the tracers of a host that has OpenTelemetry already. */
  readonly to: TraceExportOptions | { readonly provider: TracerProviderApi };
  /** Ignored where the host brings its tracers. Default: `leasehold`. */
  readonly serviceName?: string;
  /**
   * `link`: each attempt is a trace of its own, linked to the one that enqueued its job. `parent`: it is part of it.
   * Default: `link`, as the conventions have it.
   */
  readonly parenting?: TraceParenting;
  /** Whose names attributes have. Default: `v1.41`. */
  readonly semconv?: Semconv;
  /** How long the last spans may take when all is closed. Default: 1000. */
  readonly closeMs?: number;
}

/** The traces of one process. No span holds content, a tenant or a secret, and no job waits for a collector. */
export interface Tracing extends AsyncDisposable {
  /** The client, whose `enqueue` is a span that its job carries along. */
  client(client: Client): Client;
  /** Makes spans of what a worker tells: call it before the worker starts. Returns the function that ends it. */
  observe(source: EventSource): () => void;
  /** The adapter, within whose phases the calls of models are spans of that phase. */
  adapter(adapter: AdapterV1): AdapterV1;
  /** The model, whose calls are spans. */
  model(model: ModelV1): ModelV1;
  /** Runs the work of a phase that has no adapter, such that spans in it belong to that phase. */
  within<Answer>(context: PhaseRef, run: () => Answer): Answer;
  /** Ends what is open and sends it, but waits for a dead collector no longer than `closeMs`. Idempotent. */
  close(): Promise<void>;
}

/** Which attempt runs: an `AdapterContext` or a `PhaseContext` will do. */
export type PhaseRef = Pick<AdapterContext, "jobId" | "phase" | "attempt">;

/** Makes traces of what clients, workers, adapters and models do. OpenTelemetry's global providers are not touched. */
export function createTracing(options: TracingOptions): Tracing {
  const { serviceName = "leasehold", parenting = "link", closeMs = 1_000 } = options;
  const target = openTarget(options.to, serviceName);
  const tracer = target.provider.getTracer("leasehold");
  const conventions = createConventions(options.semconv ?? "v1.41");
  const storage = new AsyncLocalStorage<Context>();
  const active = (): Context => storage.getStore() ?? globalContext.active();
  const spans = createModelSpans({ tracer, conventions, active });
  const observed = new Map<
    EventSource,
    { readonly spans: AttemptSpans; readonly end: () => void }
  >();
  let closing: Promise<void> | undefined;

  function observe(source: EventSource): () => void {
    if (closing !== undefined) {
      throw new WorkerError("worker_stopping", "Tracing is closed.", { scope: "config" });
    }
    const known = observed.get(source);
    if (known !== undefined) return known.end;
    const attempts = createAttemptSpans({ tracer, conventions, parenting });
    const unsubscribe = source.subscribe((event) => attempts.note(event));
    const end = (): void => {
      unsubscribe();
      attempts.endAll();
      observed.delete(source);
    };
    observed.set(source, { spans: attempts, end });
    return end;
  }

  function within<Answer>(ref: PhaseRef, run: () => Answer): Answer {
    for (const { spans: attempts } of observed.values()) {
      const found = attempts.contextOf(ref);
      // The host's own spans, where it has any, find their place by OpenTelemetry's context.
      if (found !== undefined) return storage.run(found, () => globalContext.with(found, run));
    }
    return run();
  }

  function close(): Promise<void> {
    for (const { end } of observed.values()) end();
    closing ??= target.close(closeMs);
    return closing;
  }

  return {
    client: (client) => traceClient(client, { tracer, conventions, active }),
    observe,
    adapter: (adapter) => wrapAdapter(adapter, within),
    model: (model) => watchModel(model, spans),
    within,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function openTarget(to: TracingOptions["to"], serviceName: string): TraceExport {
  if ("url" in to) return openTraceExport(serviceName, to);
  // The host closes what the host opened.
  return { provider: to.provider, close: () => Promise.resolve() };
}

function wrapAdapter(adapter: AdapterV1, within: Tracing["within"]): AdapterV1 {
  const { specVersion, name, version, capabilities } = adapter;
  return defineAdapter({
    specVersion,
    name,
    version,
    capabilities,
    resource: (phase) => adapter.resource(phase),
    concurrency: (phase) => adapter.concurrency?.(phase),
    execute: (request, context) => within(context, () => adapter.execute(request, context)),
    probe: async (signal) => (await adapter.probe?.(signal)) ?? { status: "ok" },
    async close() {
      await adapter.close?.();
    },
  });
}
