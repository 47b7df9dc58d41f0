import type { TraceExportOptions, TraceParenting } from "@leasehold/telemetry";

import { type EnvironmentValues, settings } from "./settings.ts";

/** Where traces go, and what they say of this worker. */
export interface TracesConfig {
  readonly to: TraceExportOptions;
  readonly serviceName: string;
  readonly parenting: TraceParenting;
}

/** Reads OpenTelemetry's own variables. Undefined: no traces are wanted. */
export function toTraces(values: EnvironmentValues, problems: string[]): TracesConfig | undefined {
  const url = findUrl(values, problems);
  const headers = toPairs("otlpHeaders", values, problems);
  const resource = toPairs("otelResourceAttributes", values, problems);
  if (url === undefined) return undefined;
  if (values.otelDisabled === "true" || values.otelTracesExporter === "none") return undefined;
  return {
    to: {
      url,
      headers,
      resource,
      sampleRatio: toRatio(values),
      ...(values.otlpTimeout === undefined ? {} : { timeoutMs: values.otlpTimeout }),
    },
    serviceName: values.otelServiceName ?? resource["service.name"] ?? "learning-worker",
    parenting: values.traceParenting ?? "link",
  };
}

function findUrl(values: EnvironmentValues, problems: string[]): string | undefined {
  const { otlpEndpoint, otlpTracesEndpoint } = values;
  const key = otlpTracesEndpoint === undefined ? "otlpEndpoint" : "otlpTracesEndpoint";
  const given = otlpTracesEndpoint ?? otlpEndpoint?.replace(/\/*$/, "/v1/traces");
  if (given === undefined) return undefined;
  const parsed = URL.parse(given);
  if (parsed !== null && ["http:", "https:"].includes(parsed.protocol)) return given;
  // Not shown: such addresses may hold a password.
  problems.push(`${settings[key].name} must be a URL such as http://127.0.0.1:4318`);
  return undefined;
}

function toPairs(
  key: "otlpHeaders" | "otelResourceAttributes",
  values: EnvironmentValues,
  problems: string[],
): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries(values[key].map(toPair));
  } catch {
    problems.push(`${settings[key].name} must be name=value, parted by commas`);
    return {};
  }
}

/** Values are percent-encoded, as the W3C has it for baggage. */
function toPair(text: string): readonly [string, string] {
  const [, name = "", value = ""] = /^([^=\s]+)\s*=(.*)$/s.exec(text) ?? [];
  if (name === "") throw new TypeError("not a pair");
  return [name, decodeURIComponent(value.trim())];
}

function toRatio({ otelSampler = "parentbased_always_on", ...values }: EnvironmentValues): number {
  if (otelSampler.endsWith("always_off")) return 0;
  return otelSampler.endsWith("traceidratio") ? (values.otelSamplerArgument ?? 1) : 1;
}
