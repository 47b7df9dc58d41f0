import { WorkerError } from "@leasehold/core";
import { bearerTokens, createHealthRoutes } from "@leasehold/health-hono";
import { type LearningHealth, type ModelCheck, toCheck } from "@leasehold/learning";
import type { Telemetry } from "@leasehold/telemetry";
import type { Hono } from "hono";

import type { AppState } from "./app.ts";
import { type HttpConfig, isLoopback } from "./config.ts";

export interface HttpParts {
  readonly state: () => AppState;
  readonly health: Pick<LearningHealth, "probe">;
  readonly modelCheck: Pick<ModelCheck, "run">;
  readonly telemetry: Telemetry;
  readonly tokens: readonly string[];
  readonly http: HttpConfig;
}

/** Health and metrics of one worker. */
export function createRoutes(parts: HttpParts): Hono {
  const { state, health, modelCheck, telemetry, http } = parts;
  const authorize = bearerTokens(parts.tokens);
  const metricsAreOpen = isLoopback(http.host);
  return createHealthRoutes({
    path: "/internal/health/learning-worker",
    // On loopback a scraper is whoever is on this machine already.
    authorize: (request, route) =>
      route === "metrics" && metricsAreOpen ? "allowed" : authorize(request, route),
    probe: (signal) => health.probe(signal),
    deepProbe: async (signal) => (await modelCheck.run(signal)).map(toCheck),
    ready: () => state() === "running",
    collect: () => telemetry.collect(),
    contentType: telemetry.contentType,
  });
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
