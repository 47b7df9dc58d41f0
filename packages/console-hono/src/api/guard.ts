import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";

import type { ConsoleOptions } from "../console-options.ts";
import type { AuthorizeOperator, Operator, OperatorRole } from "../operator.ts";
import { within } from "../within.ts";
import { ConsoleProblem } from "./problem.ts";

/** What a route knows of who asks. */
export interface ApiEnv {
  Variables: {
    operator: Operator;
    /** Such as `job.requeue`. */
    action: string;
    /** Why it was refused, or failed. */
    problem: string;
  };
}

/** Stands before a route: who may come through is known by name, has the role, and is no other site's page. */
export type Guard = (action: string, role: OperatorRole) => MiddlewareHandler<ApiEnv>;

const authorizeDeadlineMs = 5_000;
const bodyBytesMax = 16_384;
const operatorNameMax = 128;

export function createGuard({ authorize, origins = [] }: ConsoleOptions): Guard {
  const limitBody = bodyLimit({
    maxSize: bodyBytesMax,
    onError: () => {
      throw new ConsoleProblem("too_large");
    },
  });
  return (action, role) => async (context, next) => {
    context.set("action", action);
    refuseForeign(context, origins);
    const operator = await identify(authorize, context.req.raw);
    if (operator === undefined) throw new ConsoleProblem("unauthenticated");
    context.set("operator", operator);
    if (!operator.roles.includes(role)) throw new ConsoleProblem("forbidden", { role });
    if (context.req.method !== "POST") return await next();
    if (!/^application\/json(?:\s*;.*)?$/i.test(context.req.header("Content-Type") ?? "")) {
      throw new ConsoleProblem("media_type");
    }
    return await limitBody(context, next);
  };
}

/**
 * Another site's page must not act with what the browser sends along by itself, such as a session of the host's. Programs
 * send neither of these headers.
 */
function refuseForeign({ req }: Context<ApiEnv>, origins: readonly string[]): void {
  const origin = req.header("Origin");
  if (origin !== undefined) {
    if (origins.includes(origin)) return;
    // The scheme is not compared: before a proxy that ends TLS it is another one.
    if (URL.parse(origin)?.host !== new URL(req.url).host) {
      throw new ConsoleProblem("foreign_origin");
    }
  }
  const site = req.header("Sec-Fetch-Site");
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    throw new ConsoleProblem("foreign_origin");
  }
}

/** The host's answer, or nobody where it is none. Throws `internal` where the host does not answer. */
export async function identify(
  authorize: AuthorizeOperator,
  request: Request,
): Promise<Operator | undefined> {
  const outcome = await within(authorizeDeadlineMs, () => authorize(request));
  if (outcome.kind !== "value") throw new ConsoleProblem("internal");
  return toOperator(outcome.value);
}

/** A host in JavaScript may answer anything, `true` for instance. */
function toOperator(answer: unknown): Operator | undefined {
  const { name, roles }: { readonly name?: unknown; readonly roles?: unknown } = Object(answer);
  if (typeof name !== "string" || name.trim() === "" || !Array.isArray(roles)) return undefined;
  const known = (["read", "act", "reveal"] as const).filter((role) => roles.includes(role));
  return { name: name.slice(0, operatorNameMax), roles: known };
}
