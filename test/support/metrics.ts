import parsePrometheusTextFormat from "parse-prometheus-text-format";

/** A page of metrics as Prometheus reads it: counters and gauges by `name{label="value"}`. */
export function readMetrics(text: string): ReadonlyMap<string, number> {
  const families = parsePrometheusTextFormat(text);
  return new Map(
    families
      .filter(({ type }) => type !== "HISTOGRAM")
      .flatMap(({ name, metrics }) =>
        metrics.map(({ labels, value }): [string, number] => [
          `${name}${toLabelText(labels)}`,
          Number(value),
        ]),
      ),
  );
}

function toLabelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
