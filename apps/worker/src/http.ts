import { type AdapterHealth, type AdapterV1, WorkerError } from "@leasehold/core";
import {
  bearerTokens,
  createHealthRoutes,
  type HealthCheck,
  type HealthReport,
} from "@leasehold/health-hono";
import type { LearningStore } from "@leasehold/learning";
import type { Telemetry } from "@leasehold/telemetry";
import type { Hono } from "hono";

import type { AppState } from "./app.ts";
import { type HttpConfig, isLoopback } from "./config.ts";

export interface HttpParts {
  readonly state: () => AppState;
  readonly store: LearningStore;
  readonly adapter: AdapterV1;
  readonly telemetry: Telemetry;
  readonly tokens: readonly string[];
  readonly http: HttpConfig;
}

/** Health and metrics of one worker. */
export function createRoutes(parts: HttpParts): Hono {
  const { state, telemetry, http } = parts;
  const authorize = bearerTokens(parts.tokens);
  const metricsAreOpen = isLoopback(http.host);
  return createHealthRoutes({
    path: "/internal/health/learning-worker",
    // On loopback a scraper is whoever is on this machine already.
    authorize: (request, route) =>
      route === "metrics" && metricsAreOpen ? "allowed" : authorize(request, route),
    probe: (signal) => probe(parts, signal),
    ready: () => state() === "running",
    collect: () => telemetry.collect(),
    contentType: telemetry.contentType,
  });
}

async function probe(parts: HttpParts, signal: AbortSignal): Promise<HealthReport> {
  const { store, adapter } = parts;
  const [login, database, model] = await Promise.all([
    store.currentLogin().catch(() => undefined),
    store.probeHealth().catch(explainDatabase),
    probeModel(adapter, signal),
  ]);
  const state = parts.state();
  const checks: readonly HealthCheck[] = [
    ...database,
    { check: "worker", status: state === "running" ? "ok" : "failed", detail: state },
    { check: "model", status: model.status, detail: model.detail ?? null },
  ];
  const isHealthy = checks.every(({ status }) => status === "ok");
  return {
    status: isHealthy ? "healthy" : "degraded",
    currentRole: login?.login ?? null,
    checks,
  };
}

/** The runbook's operator looks for `db_role failed`; the code says whether to mend a server, a grant or a schema. */
function explainDatabase(error: unknown): readonly HealthCheck[] {
  const detail = WorkerError.is(error) ? error.code : "probe_failed";
  return [{ check: "db_role", status: "failed", detail }];
}

/** Less than the whole probe may take: a model server that says nothing must not look like a database that does. */
const modelProbeMs = 3_000;

async function probeModel(adapter: AdapterV1, signal: AbortSignal): Promise<AdapterHealth> {
  const late = AbortSignal.timeout(modelProbeMs);
  try {
    const health = await adapter.probe?.(AbortSignal.any([signal, late]));
    if (late.aborted) return { status: "failed", detail: "The model server does not answer." };
    return health ?? { status: "ok" };
  } catch {
    return { status: "failed", detail: "The model could not be asked." };
  }
}

export interface HttpServer {
  readonly url: string;
  /** Set when the usual port was taken. */
  readonly warning: string | undefined;
  stop(): Promise<void>;
}

/** Ports after the usual one that are tried when nobody chose one. */
const portTries = 20;

/**
 * Serves the routes; a port that nobody chose gives way to the next free one.
 *
 * Throws `config_invalid` for an address that cannot be had.
 */
export function serve(routes: Hono, http: HttpConfig & { readonly port: number }): HttpServer {
  for (let port = http.port; ; port += 1) {
    try {
      const server = Bun.serve({ hostname: http.host, port, fetch: routes.fetch });
      const warning =
        port === http.port
          ? undefined
          : `port ${http.port} is taken; using ${port}. Set LEASEHOLD_HTTP_PORT to choose one.`;
      return { url: server.url.origin, warning, stop: () => server.stop(true) };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "no code";
      const isTaken = code === "EADDRINUSE";
      if (isTaken && http.isDefaultPort && port < http.port + portTries) continue;
      throw new WorkerError(
        "config_invalid",
        isTaken
          ? `Port ${port} of ${http.host} is taken: set LEASEHOLD_HTTP_PORT to another one, or to off.`
          : `Port ${port} of ${http.host} cannot be served (${code}): set LEASEHOLD_HTTP_HOST and LEASEHOLD_HTTP_PORT.`,
        { scope: "config", cause: error },
      );
    }
  }
}
