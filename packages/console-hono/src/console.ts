import { Hono } from "hono";

import type { ConsoleOptions } from "./console-options.ts";
import { createPageRoutes } from "./page/page-routes.tsx";

/**
 * Makes the operators' API and page, for the host to mount under any path.
 *
 * @example
 * const authorize = bearerTokens([{ token, name: "ada", roles: ["read", "act"] }]);
 * app.route("/console", createConsole({ client, authorize }));
 */
export function createConsole(options: ConsoleOptions): Hono {
  const app = new Hono();
  app.route("/", createPageRoutes(options));
  return app;
}
