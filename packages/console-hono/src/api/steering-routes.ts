import { createRoute, z } from "@hono/zod-openapi";
import type { PauseScope } from "@leasehold/core";

import { hideTenantOfScope } from "../hidden-tenants.ts";
import { answers, body, show } from "./answers.ts";
import { given } from "./given.ts";
import { orRefuse, type RouteParts } from "./job-routes.ts";
import { moment, reason, word } from "./job-schemas.ts";
import { ConsoleProblem } from "./problem.ts";

const pauseScope = z.union([
  z.strictObject({ queue: word }),
  z.strictObject({
    type: word,
    version: z.int().min(1).max(32_767).optional(),
    phase: word.optional(),
  }),
  z.strictObject({
    tenant: word.openapi({ description: "To resume it, also the digest that is shown." }),
  }),
  z.strictObject({ resource: word }),
]);
const why = { reason: reason.optional() };
const pauseBody = body(z.strictObject({ scope: pauseScope, ...why }));
const whyBody = body(z.strictObject(why));
const params = z.object({ name: word });

/** Stops and starts what is claimed. */
export function addPauseRoutes({ api, client, guard }: RouteParts): void {
  const paused = z.object({ outcome: z.enum(["ok", "already"]) });
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/pauses",
      operationId: "pause",
      tags: ["pauses"],
      summary:
        "Stops claims of a queue or a type, for a tenant or a resource. Jobs that run go on; what is enqueued waits",
      middleware: guard("scope.pause", "act"),
      request: { body: pauseBody },
      responses: answers(paused, "`already`: it was paused, and now has the new reason."),
    }),
    async (context) => {
      const { scope: words, ...more } = context.req.valid("json");
      const scope = toScope(words);
      const note = { ...more, action: "scope.pause", target: nameScope(scope) };
      const noted = client.noted({ operator: context.get("operator").name, ...given(note) });
      return context.json({ outcome: await noted.pause(scope, given(more)) }, 200);
    },
  );
  const resumed = z.object({ outcome: z.enum(["ok", "not_paused"]) });
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/pauses/resume",
      operationId: "resume",
      tags: ["pauses"],
      summary: "Takes a pause back, named as it was set",
      middleware: guard("scope.resume", "act"),
      request: { body: pauseBody },
      responses: answers(resumed, "`not_paused`: it was not paused under this name."),
    }),
    async (context) => {
      const { scope: words, ...more } = context.req.valid("json");
      const scope = await client.findPaused(toScope(words));
      const note = { ...more, action: "scope.resume", target: nameScope(scope) };
      const noted = client.noted({ operator: context.get("operator").name, ...given(note) });
      return context.json({ outcome: await noted.resume(scope) }, 200);
    },
  );
}

type ScopeWords = z.output<typeof pauseScope>;

function toScope(scope: ScopeWords): PauseScope {
  return "type" in scope ? given(scope) : scope;
}

/** As the audit shows it, to everybody who may look. */
function nameScope(scope: PauseScope): string {
  return Object.entries(hideTenantOfScope(scope))
    .map((words) => words.join(" "))
    .join(", ");
}

/** Opens and closes breakers, and warms what jobs need. */
export function addResourceActs({ api, client, guard }: RouteParts): void {
  const opened = z.object({ outcome: z.literal("ok") });
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/resources/{name}/open",
      operationId: "openBreaker",
      tags: ["resources"],
      summary: "Stops claims for a resource. Jobs that run go on",
      middleware: guard("resource.open", "act"),
      request: {
        params,
        body: body(z.strictObject({ ...why, forMs: z.int().min(1).max(604_800_000).optional() })),
      },
      responses: answers(opened, "Without `forMs` it stays so until somebody closes it."),
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      const { forMs, ...more } = context.req.valid("json");
      const note = { ...more, action: "resource.open", target: name };
      const noted = client.noted({ operator: context.get("operator").name, ...given(note) });
      return context.json(
        { outcome: orRefuse(await noted.openBreaker(name, given({ forMs }))) },
        200,
      );
    },
  );
  const closed = z.object({ outcome: z.enum(["ok", "closed"]) });
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/resources/{name}/close",
      operationId: "closeBreaker",
      tags: ["resources"],
      summary: "Lets a resource be used again, slowly at first",
      middleware: guard("resource.close", "act"),
      request: { params, body: whyBody },
      responses: answers(closed, "`closed`: it was."),
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      const note = { ...context.req.valid("json"), action: "resource.close", target: name };
      const noted = client.noted({ operator: context.get("operator").name, ...given(note) });
      const answer = await noted.closeBreaker(name);
      if (answer === "not_found") throw new ConsoleProblem("not_found");
      return context.json({ outcome: answer }, 200);
    },
  );
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/resources/{name}/warm",
      operationId: "warmResource",
      tags: ["resources"],
      summary: "Makes a resource ready for work, such as a model that is to be loaded",
      middleware: guard("resource.warm", "act"),
      request: { params, body: whyBody },
      responses: answers(opened, "It is ready."),
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      if (client.warmResource === undefined) throw new ConsoleProblem("not_offered");
      const note = { ...context.req.valid("json"), action: "resource.warm", target: name };
      // Before it begins, since Postgres cannot take back what is done elsewhere.
      const operator = context.get("operator").name;
      await client.noteAction({ operator, ...given(note) }, { outcome: "begun" });
      return context.json({ outcome: orRefuse(await client.warmResource(name)) }, 200);
    },
  );
}

/** Shows what operators did. */
export function addActionRoutes({ api, client, guard }: RouteParts): void {
  const actions: z.ZodType = z.object({
    actions: z.array(
      z.object({
        number: z.string().openapi({ description: "To be given as `before`." }),
        at: moment,
        operator: z.string(),
        login: z.string(),
        action: z.string(),
        target: z.string().optional(),
        reason: z.string().optional(),
        outcome: z.string(),
        jobs: z.int(),
      }),
    ),
  });
  api.openapi(
    createRoute({
      method: "get",
      path: "/api/actions",
      operationId: "getActions",
      tags: ["audit"],
      summary: "What operators did, the newest first",
      middleware: guard("actions.read", "read"),
      request: {
        query: z.strictObject({
          limit: z.coerce.number().int().min(1).max(200).optional(),
          before: z
            .string()
            .regex(/^\d{1,18}$/)
            .optional(),
          operator: word.optional(),
          target: z.string().max(512).optional(),
        }),
      },
      responses: answers(actions, "Who did what, to what, why, and what came of it."),
    }),
    async (context) => {
      const told = await client.getActions(given(context.req.valid("query")));
      return context.json(show(actions, { actions: told }), 200);
    },
  );
}
