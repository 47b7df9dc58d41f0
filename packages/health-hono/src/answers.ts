import type { HealthReport } from "./health-report.ts";

const privateHeaders = {
  "Cache-Control": "private, no-store",
  "Content-Security-Policy": "default-src 'none'",
  Vary: "Origin",
  "X-Content-Type-Options": "nosniff",
} as const;

/** The one place where answers are made, so that none is without the private headers. */
function answer(status: number, body: string, headers: Readonly<Record<string, string>>): Response {
  // Said here because an answer to HEAD has no text that it could be read from.
  const length = { "Content-Length": String(new TextEncoder().encode(body).byteLength) };
  return new Response(body, { status, headers: { ...privateHeaders, ...length, ...headers } });
}

function answerText(status: number, body: string): Response {
  return answer(status, body, { "Content-Type": "text/plain; charset=utf-8" });
}

function answerError(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return answer(status, JSON.stringify({ error }), {
    "Content-Type": "application/json",
    ...headers,
  });
}

/** 200 or 503 with the report. */
export function answerReport(report: HealthReport): Response {
  const status = report.status === "healthy" ? 200 : 503;
  return answer(status, JSON.stringify(report), { "Content-Type": "application/json" });
}

/** 200 with what was collected. */
export function answerMetrics(text: string, contentType: string): Response {
  return answer(200, text, { "Content-Type": contentType });
}

/** 200, and not a word more. */
export function answerOk(): Response {
  return answerText(200, "ok");
}

/** 503, and not a word more. */
export function answerUnavailable(): Response {
  return answerText(503, "unavailable");
}

/** 400: `?deep=1`, where there is nothing deeper. */
export function answerNoDeepProbe(): Response {
  return answerError(400, "no_deep_probe");
}

/** 401: nobody we know. */
export function answerUnauthenticated(): Response {
  return answerError(401, "unauthenticated", { "WWW-Authenticate": "Bearer" });
}

/** 403: somebody we know who may not see this. */
export function answerForbidden(): Response {
  return answerError(403, "forbidden");
}

/** 404, for an app that is nothing but these routes. */
export function answerNotFound(): Response {
  return answerError(404, "not_found");
}

/** 405: these routes are only read. */
export function answerMethodNotAllowed(): Response {
  return answerError(405, "method_not_allowed", { Allow: "GET, HEAD" });
}

/** 500: the host's `authorize` did not answer. Nobody is let in. */
export function answerInternal(): Response {
  return answerError(500, "internal");
}
