export type { FallbackLabels } from "./fallback-metrics.ts";
export type { ScoreAlarmSource } from "./score-alarms.ts";
export { createTelemetry } from "./telemetry.ts";
export type { Telemetry, TelemetryOptions } from "./telemetry.ts";
export { createTracing } from "./tracing.ts";
export type { PhaseRef, Tracing, TracingOptions } from "./tracing.ts";
export type { TraceParenting } from "./attempt-spans.ts";
export type { Semconv } from "./conventions.ts";
export type { TraceExportOptions } from "./trace-export.ts";
