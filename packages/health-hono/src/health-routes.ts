import { Hono } from "hono";

import {
  answerForbidden,
  answerInternal,
  answerMethodNotAllowed,
  answerMetrics,
  answerNoDeepProbe,
  answerNotFound,
  answerOk,
  answerReport,
  answerUnauthenticated,
  answerUnavailable,
} from "./answers.ts";
import {
  type HealthCheck,
  type HealthReport,
  joinReports,
  toShownChecks,
  toShownReport,
  toUnknownDepth,
  toUnknownReport,
} from "./health-report.ts";
import { runWithin } from "./run-within.ts";
import { createSharedProbe } from "./shared-probe.ts";

/** The routes that not everybody may see. */
export type ProtectedRoute = "health" | "metrics";

/** `unauthenticated` is answered with 401, `forbidden` with 403. */
export type AuthorizeAnswer = "allowed" | "unauthenticated" | "forbidden";

/** Says whether a request may see a route. Asked for every request; its answer is never kept. */
export type Authorize = (
  request: Request,
  what: ProtectedRoute,
) => AuthorizeAnswer | Promise<AuthorizeAnswer>;

export interface HealthRoutesOptions {
  /** Where the health report is served, such as `/internal/health/learning-worker`. */
  readonly path: string;
  /** Who may see the health report and the metrics. There is no default: see `bearerTokens`. */
  readonly authorize: Authorize;
  /** Looks at the worker and its database. It must end soon after its signal aborts. */
  readonly probe: (signal: AbortSignal) => Promise<HealthReport>;
  /**
   * Looks deeper than the probe may, such as by a call of a model, for whoever asks for `?deep=1`; its checks are added to
   * the report. Absent: `?deep=1` is answered with 400.
   */
  readonly deepProbe?: (signal: AbortSignal) => Promise<readonly HealthCheck[]>;
  /** How long the deep probe may take. Default: 30000. */
  readonly deepTimeoutMs?: number;
  /** How long what it found is good for: it runs no more often, whoever asks. From 10000. Default: 60000. */
  readonly deepCacheMs?: number;
  /** Whether work is taken on: `false` from the moment the worker drains. Default: `true`. */
  readonly ready?: () => boolean | Promise<boolean>;
  /** Whether the process is worth keeping. Default: `true`. */
  readonly live?: () => boolean;
  /** Everything counted so far, as text. Absent: `/metrics` is not served. */
  readonly collect?: () => Promise<string>;
  /** The content type of what `collect` answers. Default: Prometheus text, version 0.0.4. */
  readonly contentType?: string;
  /** How long the host's functions may take before they count as failed. Default: 5000. */
  readonly probeTimeoutMs?: number;
  /** How long a report is good for, from 1000. Default: 1000. */
  readonly cacheMs?: number;
}

const defaults = {
  contentType: "text/plain; version=0.0.4; charset=utf-8",
  probeTimeoutMs: 5000,
  cacheMs: 1000,
  deepTimeoutMs: 30_000,
  deepCacheMs: 60_000,
} as const;

const probeTimeoutMsMax = 60_000;
// Anybody with a token could otherwise make Postgres run a query per request.
const cacheMsMin = 1000;
const cacheMsMax = 60_000;
const deepTimeoutMsMax = 300_000;
// A deep probe may have a model loaded.
const deepCacheMsMin = 10_000;
const deepCacheMsMax = 3_600_000;

const fixedPaths = { live: "/livez", ready: "/readyz", metrics: "/metrics" } as const;

/** Serves `/livez`, `/readyz`, the health report at `path`, and `/metrics`, from any Hono app. */
export function createHealthRoutes(options: HealthRoutesOptions): Hono {
  refuseBadOptions(options);
  const timeoutMs = options.probeTimeoutMs ?? defaults.probeTimeoutMs;
  const guard = createGuard(options.authorize, timeoutMs);
  const { collect, contentType = defaults.contentType, live = yes, ready = yes } = options;

  const app = new Hono();
  addRoute(app, fixedPaths.live, () => answerWhether(timeoutMs, live));
  addRoute(app, fixedPaths.ready, () => answerWhether(timeoutMs, ready));
  addRoute(app, options.path, guard("health", createHealthHandler(options)));
  if (collect !== undefined) {
    addRoute(
      app,
      fixedPaths.metrics,
      guard("metrics", async () => {
        const outcome = await runWithin(timeoutMs, collect);
        return outcome.kind === "value"
          ? answerMetrics(outcome.value, contentType)
          : answerUnavailable();
      }),
    );
  }
  // Serves an app that is nothing but these routes; a host that mounts them keeps its own answer.
  app.notFound(() => answerNotFound());
  return app;
}

function now(): number {
  return performance.now();
}

function createHealthHandler(options: HealthRoutesOptions): Handler {
  const ask = createSharedProbe({
    probe: async (signal) => toShownReport(await options.probe(signal)),
    without: toUnknownReport,
    timeoutMs: options.probeTimeoutMs ?? defaults.probeTimeoutMs,
    cacheMs: options.cacheMs ?? defaults.cacheMs,
    now,
  });
  const { deepProbe } = options;
  const askDeep =
    deepProbe &&
    createSharedProbe({
      probe: async (signal) => toShownChecks(await deepProbe(signal)),
      without: toUnknownDepth,
      timeoutMs: options.deepTimeoutMs ?? defaults.deepTimeoutMs,
      cacheMs: options.deepCacheMs ?? defaults.deepCacheMs,
      now,
    });
  return async (request) => {
    if (new URL(request.url).searchParams.get("deep") !== "1") return answerReport(await ask());
    if (askDeep === undefined) return answerNoDeepProbe();
    const [report, deep] = await Promise.all([ask(), askDeep()]);
    return answerReport(joinReports(report, deep));
  };
}

function yes(): boolean {
  return true;
}

type Handler = (request: Request) => Promise<Response>;

function addRoute(app: Hono, path: string, handle: Handler): void {
  app.all(path, (context) => {
    const request = context.req.raw;
    if (request.method !== "GET" && request.method !== "HEAD") return answerMethodNotAllowed();
    return handle(request);
  });
}

async function answerWhether(
  timeoutMs: number,
  ask: () => boolean | Promise<boolean>,
): Promise<Response> {
  const outcome = await runWithin(timeoutMs, ask);
  return outcome.kind === "value" && outcome.value ? answerOk() : answerUnavailable();
}

function createGuard(
  authorize: Authorize,
  timeoutMs: number,
): (what: ProtectedRoute, handle: Handler) => Handler {
  return (what, handle) => async (request) => {
    const outcome = await runWithin(timeoutMs, () => authorize(request, what));
    if (outcome.kind !== "value") return answerInternal();
    switch (outcome.value) {
      case "allowed":
        return handle(request);
      case "unauthenticated":
        return answerUnauthenticated();
      case "forbidden":
        return answerForbidden();
      default:
        // A host in JavaScript may answer anything, `true` for instance. Only the one word opens.
        return answerInternal();
    }
  };
}

function refuseBadOptions(options: HealthRoutesOptions): void {
  const { path } = options;
  const problems: string[] = [];
  if (!/^(?:\/[A-Za-z0-9._~-]+)+$/.test(path)) {
    problems.push(`path must look like /internal/health/worker, got ${JSON.stringify(path)}`);
  }
  if (Object.values<string>(fixedPaths).includes(path)) {
    problems.push(`path must not be ${path}, which is served already`);
  }
  for (const [name, { value, min, max }] of Object.entries(boundsOf(options))) {
    if (!(value >= min && value <= max)) {
      problems.push(`${name} must be from ${min} to ${max}, got ${value}`);
    }
  }
  if (problems.length > 0) throw new TypeError(`Health routes refused: ${problems.join("; ")}.`);
}

interface Bounds {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

function boundsOf(options: HealthRoutesOptions): Readonly<Record<string, Bounds>> {
  const { probeTimeoutMs, cacheMs, deepTimeoutMs, deepCacheMs } = { ...defaults, ...options };
  return {
    cacheMs: { value: cacheMs, min: cacheMsMin, max: cacheMsMax },
    probeTimeoutMs: { value: probeTimeoutMs, min: 1, max: probeTimeoutMsMax },
    deepTimeoutMs: { value: deepTimeoutMs, min: 1, max: deepTimeoutMsMax },
    deepCacheMs: { value: deepCacheMs, min: deepCacheMsMin, max: deepCacheMsMax },
  };
}
