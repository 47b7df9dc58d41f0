import type { MiddlewareHandler } from "hono";

import type { ConsoleEvent } from "../console-event.ts";
import type { ApiEnv } from "./guard.ts";

/** Tells the host of every action, every refusal and every failure: words of ours, and who. */
export function createWatching(
  observe: ((event: ConsoleEvent) => void) | undefined,
): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    await next();
    const { status } = context.res;
    const name = nameOf(context.req.method, status);
    if (name === undefined) return;
    const event: ConsoleEvent = {
      name,
      operator: context.get("operator")?.name,
      action: context.get("action") ?? "unknown",
      status,
      code: context.get("problem"),
    };
    try {
      observe?.(event);
    } catch {
      // A host's logger that fails is no reason to fail what was asked.
    }
  };
}

function nameOf(method: string, status: number): ConsoleEvent["name"] | undefined {
  if (status >= 500) return "console.failed";
  if (status >= 400) return method === "POST" || status < 404 ? "console.refused" : undefined;
  return method === "POST" ? "console.acted" : undefined;
}
