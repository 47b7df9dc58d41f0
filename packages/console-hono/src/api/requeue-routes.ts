import { createRoute, z } from "@hono/zod-openapi";

import { hideTenant } from "../hidden-tenants.ts";
import { answers, body } from "./answers.ts";
import { given } from "./given.ts";
import type { RouteParts } from "./job-routes.ts";
import { reason } from "./job-schemas.ts";
import { ConsoleProblem } from "./problem.ts";
import { filterBody, type FilterQuery, filterQuery, toFilter } from "./requeue-filter.ts";

const tags = ["jobs"];
/** In one request; who wants more asks again. */
const requeuedMax = 5_000;
const spreadMsMax = 86_400_000;

const counted = z.object({ count: z.int() });
const report = z.object({
  matched: z.int(),
  requeued: z.int(),
  conflicted: z.int(),
  refused: z.int(),
  left: z.int().openapi({ description: `More than ${requeuedMax}: ask again.` }),
});

/** Gives many jobs a new start: how many is asked first, and confirmed. */
export function addRequeueRoutes({ api, client, guard }: RouteParts): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs-to-requeue",
      operationId: "countJobsToRequeue",
      tags,
      summary: "How many ended jobs fit a filter",
      middleware: guard("jobs.count", "read"),
      request: { query: filterQuery },
      responses: answers(counted, "To be confirmed when they are requeued."),
    }),
    async (context) => {
      const { outage, ...words }: FilterQuery = context.req.valid("query");
      const filter = toFilter(
        outage === undefined ? words : { ...words, outage: outage === "true" },
      );
      const { matched } = await client.requeueAll(filter, { dryRun: true });
      return context.json({ count: matched }, 200);
    },
  );
  api.openapi(
    createRoute({
      method: "post",
      path: "/api/jobs/requeue",
      operationId: "requeueJobs",
      tags,
      summary:
        "Gives the ended jobs that fit a filter a new start, when there are as many as is said",
      middleware: guard("jobs.requeue", "act"),
      request: {
        body: body(
          z.strictObject({
            filter: filterBody,
            count: z.int().min(1).openapi({ description: "How many the operator was told of." }),
            spreadMs: z.int().min(0).max(spreadMsMax).optional(),
            reason: reason.optional(),
          }),
        ),
      },
      responses: answers(report, "What became of them. It is written down."),
    }),
    async (context) => {
      const { filter: words, count, spreadMs = 0, ...why } = context.req.valid("json");
      const filter = toFilter(words);
      const { matched } = await client.requeueAll(filter, { dryRun: true });
      if (matched !== count) throw new ConsoleProblem("count_changed", { count: matched });
      const operator = context.get("operator").name;
      const { tenant } = words;
      // The audit shows it to everybody who may look.
      const told = tenant === undefined ? words : { ...words, tenant: hideTenant(tenant) };
      const note = { ...why, operator, action: "jobs.requeue", target: JSON.stringify(told) };
      const limit = Math.min(count, requeuedMax);
      const done = await client.noted(given(note)).requeueAll(filter, { spreadMs, limit });
      return context.json({ ...done, left: Math.max(0, count - limit) }, 200);
    },
  );
}
