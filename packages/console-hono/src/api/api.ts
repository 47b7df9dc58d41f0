import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";

import type { BoundedClient } from "../bounded-client.ts";
import type { ConsoleOptions } from "../console-options.ts";
import { answerJson } from "./answers.ts";
import { type ApiEnv, createGuard } from "./guard.ts";
import {
  addJobActs,
  addJobRoutes,
  addResolveRoute,
  addRevealRoute,
  type RouteParts,
} from "./job-routes.ts";
import { addListRoutes } from "./list-routes.ts";
import { ConsoleProblem, statusOf, toProblem } from "./problem.ts";
import { addRequeueRoutes } from "./requeue-routes.ts";
import { secureHeaders } from "./security-headers.ts";
import { addActionRoutes, addPauseRoutes, addResourceActs } from "./steering-routes.ts";
import { createWatching } from "./watching.ts";

const problemType = "application/problem+json";

/** Makes the operators' API: everything under `api/`, and `openapi.json`, which describes it. */
export function createApi(options: ConsoleOptions, client: BoundedClient): OpenAPIHono<ApiEnv> {
  const api = new OpenAPIHono<ApiEnv>({
    defaultHook(result) {
      if (result.success) return;
      // Where, and what was expected there: never what was sent.
      const problems = result.error.issues.map(
        ({ path, code }) => `${path.map(String).join(".") || result.target}: ${code}`,
      );
      throw new ConsoleProblem("input_invalid", { problems });
    },
  });
  const guard = createGuard(options);
  const parts: RouteParts = { api, client, guard };
  for (const path of ["/api/*", "/openapi.json"]) {
    api.use(path, secureHeaders);
    api.use(path, createWatching(options.observe));
  }
  addListRoutes(parts);
  addRequeueRoutes(parts);
  addJobRoutes(parts);
  addRevealRoute(parts);
  addJobActs(parts);
  addResolveRoute(parts);
  addPauseRoutes(parts);
  addResourceActs(parts);
  addActionRoutes(parts);
  let description: string | undefined;
  api.get("/openapi.json", guard("openapi.read", "read"), () => {
    description ??= JSON.stringify(describe(api));
    return answerJson(description, 200, "application/json");
  });
  api.all("/api/*", () => {
    throw new ConsoleProblem("not_found");
  });
  api.onError(answerProblem);
  return api;
}

function answerProblem(error: unknown, context: Context<ApiEnv>): Response {
  const problem = toProblem(error);
  context.set("problem", problem.code);
  const answer = answerJson(JSON.stringify(problem), statusOf(problem.code), problemType);
  if (problem.status === 401) answer.headers.set("WWW-Authenticate", "Bearer");
  if (problem.status === 503) answer.headers.set("Retry-After", "5");
  return answer;
}

function describe(api: OpenAPIHono<ApiEnv>): object {
  const document = api.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Leasehold console",
      version: "1",
      description:
        "What operators see and do. Nothing here shows what is in a job, but `reveal`, which asks why and writes it down. Every act is written down with who did it; see `getActions`. Acts are POST with JSON; another site's page is refused.",
    },
    // From the document itself: only the host knows where it is mounted.
    servers: [{ url: "./" }],
    security: [{ bearer: [] }],
  });
  const securitySchemes = { bearer: { type: "http", scheme: "bearer" } };
  return { ...document, components: { ...document.components, securitySchemes } };
}
