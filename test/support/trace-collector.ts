/** A span as a collector was sent it. */
export interface SentSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: "internal" | "client" | "producer" | "consumer" | "other";
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Ids of the spans it is linked to. */
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

/** An OpenTelemetry collector that keeps what it is sent. */
export interface TraceCollector extends AsyncDisposable {
  readonly url: string;
  /** Everything that came, word for word. */
  bodies(): string;
  spans(): readonly SentSpan[];
}

interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: readonly { readonly spanId: string }[];
  readonly attributes?: readonly OtlpAttribute[];
  readonly status?: { readonly code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** Starts a collector for OTLP over HTTP as JSON. */
export function startTraceCollector(): TraceCollector {
  const texts: string[] = [];
  const bodies: OtlpBody[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const text = await request.text();
      texts.push(text);
      if (new URL(request.url).pathname === "/v1/traces") bodies.push(JSON.parse(text) as OtlpBody);
      return Response.json({});
    },
  });
  return {
    url: server.url.origin,
    bodies: () => texts.join("\n"),
    spans: () => bodies.flatMap(readBody),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

function readBody({ resourceSpans }: OtlpBody): readonly SentSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(toAttributes(resource.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => toSpan(service, span)));
  });
}

const kinds: Readonly<Record<number, SentSpan["kind"]>> = {
  1: "internal",
  3: "client",
  4: "producer",
  5: "consumer",
};

function toSpan(service: string, span: OtlpSpan): SentSpan {
  const parent = span.parentSpanId;
  return {
    service,
    name: span.name,
    kind: kinds[span.kind] ?? "other",
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: parent === undefined || parent === "" ? undefined : parent,
    links: (span.links ?? []).map(({ spanId }) => spanId),
    attributes: toAttributes(span.attributes ?? []),
    isError: span.status?.code === 2,
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
  };
}

function toAttributes(list: readonly OtlpAttribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** Spans as a tree for people: whatever is linked to a span stands below it with an arrow. */
export function renderTree(spans: readonly SentSpan[]): string {
  const isRoot = ({ parentSpanId, links }: SentSpan): boolean =>
    parentSpanId === undefined && links.length === 0;
  return inOrder(spans.filter(isRoot))
    .flatMap((root) => [label(root), ...renderBelow(root, spans, "")])
    .join("\n");
}

function renderBelow(
  above: SentSpan,
  spans: readonly SentSpan[],
  indent: string,
): readonly string[] {
  const below = inOrder(
    spans.filter(
      ({ parentSpanId, links }) => parentSpanId === above.spanId || links.includes(above.spanId),
    ),
  );
  return below.flatMap((span, index) => {
    const isLast = index === below.length - 1;
    const arrow = span.parentSpanId === undefined ? "╌→" : "──";
    return [
      `${indent}${isLast ? "└" : "├"}${arrow} ${label(span)}`,
      ...renderBelow(span, spans, `${indent}${isLast ? " " : "│"}   `),
    ];
  });
}

function inOrder(spans: readonly SentSpan[]): readonly SentSpan[] {
  return spans.toSorted((a, b) => a.startMs - b.startMs);
}

function label({ service, name, kind, attributes, isError }: SentSpan): string {
  const phase = kind === "consumer" ? String(attributes["leasehold.phase"]) : undefined;
  const attempt =
    kind === "consumer" ? `attempt ${String(attributes["leasehold.attempt"])}` : undefined;
  const given = attributes["leasehold.outcome"];
  const outcome = typeof given === "string" ? given : undefined;
  const details = [service, kind, phase, attempt, outcome, isError ? "error" : undefined];
  return `${name}  (${details.filter((detail) => detail !== undefined).join(", ")})`;
}
