import { Hono } from "hono";

import { createApi } from "./api/api.ts";
import { identify } from "./api/guard.ts";
import { createBoundedClient } from "./bounded-client.ts";
import type { ConsoleOptions } from "./console-options.ts";
import type { AuthorizeOperator } from "./operator.ts";
import { createPageRoutes } from "./page/page-routes.tsx";

/**
 * Makes the operators' API and page, for the host to mount under any path.
 *
 * @example
 * const authorize = bearerTokens([{ token, name: "ada", roles: ["read", "act"] }]);
 * app.route("/console", createConsole({ client, authorize }));
 */
export function createConsole(options: ConsoleOptions): Hono {
  const client = createBoundedClient(options);
  const { listSchedules, listModels } = client;
  const { challenge } = options.authorize;
  const authorize: AuthorizeOperator = (request) =>
    // What the host's function throws is none of the page's business: nobody is let in.
    identify(options.authorize, request).catch(() => undefined);
  const app = new Hono();
  app.route("/", createApi(options, client));
  app.route(
    "/",
    createPageRoutes({
      client,
      authorize,
      mayWarm: client.warmResource !== undefined,
      ...(challenge === undefined ? {} : { challenge }),
      ...(listSchedules === undefined ? {} : { listSchedules }),
      ...(listModels === undefined ? {} : { listModels }),
    }),
  );
  return app;
}
