import type { TracerProvider as TracerProviderApi } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** Where traces go: to an OpenTelemetry collector, as OTLP over HTTP with JSON. */
export interface TraceExportOptions {
  /** The whole address, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Sent with every request. They may hold secrets and are never shown. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long one export may take. Default: 10000. */
  readonly timeoutMs?: number;
  /** What the traces say of their process, beside `service.name`. Nothing is found out by itself. */
  readonly resource?: Readonly<Record<string, string>>;
  /** How many of the traces that begin here are kept, from 0 to 1. Default: 1. */
  readonly sampleRatio?: number;
}

/** A provider of tracers whose spans are on their way out. */
export interface TraceExport {
  readonly provider: TracerProviderApi;
  /** Sends what is left, but not for longer than this. Never rejects. Idempotent. */
  close(withinMs: number): Promise<void>;
}

/** Spans that wait for a collector; what comes on top is dropped, since no job waits for one. */
const spansMax = 2_048;

export function openTraceExport(serviceName: string, options: TraceExportOptions): TraceExport {
  const { url, headers = {}, timeoutMs = 10_000, resource = {}, sampleRatio = 1 } = options;
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: timeoutMs,
  });
  const root = sampleRatio < 1 ? new TraceIdRatioBasedSampler(sampleRatio) : new AlwaysOnSampler();
  const provider = new TracerProvider({
    // The default resource looks at the process: its owner, its arguments, its machine.
    resource: resourceFromAttributes({ ...resource, "service.name": serviceName }),
    sampler: new ParentBasedSampler({ root }),
    spanLimits: { attributeValueLengthLimit: 256 },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: spansMax,
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: timeoutMs,
      }),
    ],
  });
  let closing: Promise<void> | undefined;
  return {
    provider,
    close(withinMs) {
      closing ??= within(withinMs, provider.shutdown());
      return closing;
    },
  };
}

/** Waits for a collector that may be dead, but not for long: an exit is worth more than its last spans. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
