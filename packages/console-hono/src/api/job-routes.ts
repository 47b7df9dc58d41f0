import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";

import type { BoundedClient } from "../bounded-client.ts";
import { answers, body, show } from "./answers.ts";
import { given } from "./given.ts";
import type { ApiEnv, Guard } from "./guard.ts";
import { causes, jobPage, reason, revealed, state, timeline, word } from "./job-schemas.ts";
import { ConsoleProblem, type ProblemCode } from "./problem.ts";

/** What the routes are made from. */
export interface RouteParts {
  readonly api: OpenAPIHono<ApiEnv>;
  readonly client: BoundedClient;
  readonly guard: Guard;
}

const tags = ["jobs"];
const params = z.object({ id: word.openapi({ description: "The job's id, a uuid." }) });
const outcome = z.object({ outcome: z.literal("ok") });
/** What acts may be told beside what they do. */
const act = z.strictObject({ reason: reason.optional() });

/** Looks at jobs. */
export function addJobRoutes({ api, client, guard }: RouteParts): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs",
      operationId: "listJobs",
      tags,
      summary: "Jobs by what is known about them, the newest first, without content",
      middleware: guard("jobs.list", "read"),
      request: {
        query: z.strictObject({
          queue: word.optional(),
          type: word.optional(),
          state: state.optional(),
          code: word.optional(),
          tenant: word.optional(),
          worker: word.optional(),
          limit: z.coerce.number().int().min(1).max(200).optional(),
          after: word.optional(),
        }),
      },
      responses: answers(jobPage, "Some jobs, and where to go on."),
    }),
    async (context) => {
      const { limit, after, ...filter } = context.req.valid("query");
      const page = await client.listJobs(given(filter), given({ limit, after }));
      return context.json(show(jobPage, page), 200);
    },
  );
  api.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs/{id}",
      operationId: "getJob",
      tags,
      summary: "All that is known of one job, without content",
      middleware: guard("job.read", "read"),
      request: { params },
      responses: answers(timeline, "Its phases, attempts, signals and children."),
    }),
    async (context) => {
      const job = await client.getTimeline(context.req.valid("param").id);
      if (job === undefined) throw new ConsoleProblem("not_found");
      return context.json(show(timeline, job), 200);
    },
  );
  api.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs/{id}/explain",
      operationId: "explainJob",
      tags,
      summary: "Why a job is not running",
      middleware: guard("job.explain", "read"),
      request: { params },
      responses: answers(causes, "Every cause that holds, and first the one that decides."),
    }),
    async (context) => {
      const told = await client.explain(context.req.valid("param").id);
      if (told[0]?.cause === "not_found") throw new ConsoleProblem("not_found");
      return context.json(show(causes, { causes: told }), 200);
    },
  );
}

/** Shows what is in a job to whoever may see it and says why. */
export function addRevealRoute({ api, client, guard }: RouteParts): void {
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/jobs/{id}/reveal",
      operationId: "revealJob",
      tags,
      summary: "What is in a job. Who asked and why is written down before it is read",
      middleware: guard("job.reveal", "reveal"),
      request: {
        params,
        body: body(z.strictObject({ reason: z.string().max(1_024).regex(/\S/) })),
      },
      responses: answers(revealed, "Payload, results and messages. This is content."),
    }),
    async (context) => {
      const by = { operator: context.get("operator").name, ...context.req.valid("json") };
      const content = await client.revealJob(context.req.valid("param").id, by);
      if (content === undefined) throw new ConsoleProblem("not_found");
      return context.json(show(revealed, content), 200);
    },
  );
}

/** Changes one job. */
export function addJobActs({ api, client, guard }: RouteParts): void {
  for (const name of ["requeue", "cancel"] as const) {
    const action = `job.${name}`;
    api.openapi(
      createRoute({
        method: "post",
        path: `/api/jobs/{id}/${name}`,
        operationId: `${name}Job`,
        tags,
        summary:
          name === "cancel"
            ? "Ends a job that waits or runs"
            : "Gives an ended job a new start where it ended",
        middleware: guard(action, "act"),
        request: { params, body: body(act) },
        responses: answers(outcome, "It is done, and written down."),
      }),
      async (context) => {
        const { id } = context.req.valid("param");
        const note = { ...context.req.valid("json"), target: id, action };
        const noted = client.noted({ operator: context.get("operator").name, ...given(note) });
        return context.json({ outcome: orRefuse(await noted[name](id)) }, 200);
      },
    );
  }
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/jobs/{id}/replay",
      operationId: "replayJob",
      tags,
      summary: "Gives an ended job a new start from a phase; what came of it and after is deleted",
      middleware: guard("job.replay", "act"),
      request: { params, body: body(act.extend({ phase: word })) },
      responses: answers(outcome, "It is done, and written down."),
    }),
    async (context) => {
      const { id } = context.req.valid("param");
      const { phase, ...why } = context.req.valid("json");
      const note = { ...why, target: `${id} ${phase}`, action: "job.replay" };
      const noted = client.noted({ operator: context.get("operator").name, ...given(note) });
      return context.json({ outcome: orRefuse(await noted.replay(id, phase)) }, 200);
    },
  );
}

/** Ends the matter of a job that somebody settled by hand. */
export function addResolveRoute({ api, client, guard }: RouteParts): void {
  const resolved = z.object({ outcome: z.enum(["ok", "existing"]) });
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/jobs/{id}/resolve",
      operationId: "resolveJob",
      tags,
      summary: "Ends the matter of a failed or dead job that somebody settled by hand",
      middleware: guard("job.resolve", "act"),
      request: {
        params,
        body: body(z.strictObject({ reason: z.string().max(1_024).regex(/\S/) })),
      },
      responses: answers(resolved, "`existing`: it was before, and the first reason stays."),
    }),
    async (context) => {
      const { id } = context.req.valid("param");
      const { reason: how } = context.req.valid("json");
      const operator = context.get("operator").name;
      const note = { operator, action: "job.resolve", target: id, reason: how };
      const answer = await client.noted(note).resolve(id, how);
      if (answer === "not_found" || answer === "not_failed") throw new ConsoleProblem(answer);
      return context.json({ outcome: answer }, 200);
    },
  );
}

/** What is not `ok` is a refusal, under its own name. */
export function orRefuse(answer: "ok" | ProblemCode): "ok" {
  if (answer !== "ok") throw new ConsoleProblem(answer);
  return answer;
}
