import { createRoute, z } from "@hono/zod-openapi";

import { answers, show } from "./answers.ts";
import type { RouteParts } from "./job-routes.ts";
import { moment } from "./job-schemas.ts";
import { ConsoleProblem } from "./problem.ts";

const text = z.string();
const count = z.int();

const queue = z.object({
  queue: text,
  type: text,
  state: z.enum(["due", "delayed", "leased", "waiting"]),
  count,
  highRetryCount: count,
  outageCount: count,
  p95AgeSeconds: z.number().optional(),
  oldestAgeSeconds: z.number().optional(),
});

const deadLetterGroup = z.object({
  queue: text,
  type: text,
  phase: text,
  state: z.enum(["failed", "dead"]),
  code: text.optional(),
  count,
  firstAt: moment,
  lastAt: moment,
  sampleId: text,
});

const pause = z.object({
  scope: z.record(z.string(), z.union([text, count])),
  reason: text.optional(),
  pausedBy: text,
  pausedAt: moment,
});

const limit = z.object({
  scope: z.object({
    queue: text.optional(),
    type: text.optional(),
    tenant: text.optional().openapi({ description: "Unnamed: a digest of its name." }),
  }),
  concurrencyMax: count.optional(),
  rate: z.object({ max: count, windowMs: count }).optional(),
  fair: z.boolean(),
  running: count,
  weight: z.number().optional(),
});

const worker = z.object({
  id: text,
  name: text,
  state: z.enum(["live", "silent", "stopped"]),
  version: text,
  types: z.array(text),
  slots: count,
  inFlight: count,
  abandoned: count,
  startedAt: moment,
  seenAt: moment,
  stoppedAt: moment.optional(),
});

const resource = z.object({
  name: text,
  concurrency: count.optional(),
  state: z.enum(["closed", "open", "half_open"]),
  code: text.optional(),
  openUntil: moment.optional(),
  outages: count,
  leased: count,
  places: count.optional(),
  probe: text.optional(),
  changedAt: moment.optional(),
});

const schedule = z.object({
  name: text,
  cron: text,
  timeZone: text,
  type: text,
  queue: text,
  enabled: z.boolean(),
  nextSlotAt: moment.optional(),
  lastSlotAt: moment.optional(),
  warning: z.enum(["slots_overdue", "slots_low", "slots_failed"]).optional(),
});

const minute = z.object({
  minute: moment,
  started: count,
  completed: count,
  failed: count,
  dead: count,
  cancelled: count,
  isWhole: z.boolean(),
});

/** A route that shows all there is of something. */
interface List {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** What the list is called in the answer. */
  readonly name: string;
  readonly item: z.ZodType;
  ask(): Promise<readonly unknown[]>;
}

/** Looks at what waits, what works, and what bounds it. */
export function addListRoutes(parts: RouteParts): void {
  for (const list of [...listQueues(parts), ...listResources(parts)]) addList(parts, list);
  addThroughput(parts);
}

function listQueues({ client }: RouteParts): readonly List[] {
  return [
    {
      path: "/api/queues",
      operationId: "getQueues",
      summary: "The backlog, by queue, type and state",
      name: "queues",
      item: queue,
      ask: () => client.getQueue(),
    },
    {
      path: "/api/dead-letters",
      operationId: "getDeadLetters",
      summary: "What ended badly, by queue, type, phase, state and code; the most first",
      name: "groups",
      item: deadLetterGroup,
      ask: () => client.getDeadLetters(),
    },
    {
      path: "/api/pauses",
      operationId: "getPauses",
      summary: "What is paused, the oldest first",
      name: "pauses",
      item: pause,
      ask: () => client.getPauses(),
    },
    {
      path: "/api/limits",
      operationId: "getLimits",
      summary: "Limits and weights, and how many run under each",
      name: "limits",
      item: limit,
      ask: () => client.getLimits(),
    },
  ];
}

function listResources({ client }: RouteParts): readonly List[] {
  return [
    {
      path: "/api/workers",
      operationId: "getWorkers",
      summary: "Who works, or did of late; the newest first",
      name: "workers",
      item: worker,
      ask: () => client.getWorkers(),
    },
    {
      path: "/api/resources",
      operationId: "getResources",
      summary: "What jobs compete for, such as a model on a host",
      name: "resources",
      item: resource,
      ask: () => client.getResources(),
    },
    {
      path: "/api/schedules",
      operationId: "getSchedules",
      summary: "The schedules, if the host has some",
      name: "schedules",
      item: schedule,
      async ask() {
        if (client.listSchedules === undefined) throw new ConsoleProblem("not_offered");
        return await client.listSchedules();
      },
    },
  ];
}

function addList({ api, guard }: RouteParts, list: List): void {
  const { path, operationId, summary, name, item } = list;
  const schema: z.ZodType = z.object({ [name]: z.array(item) });
  const action = `${path.slice("/api/".length).replaceAll("-", "_")}.read`;
  api.openapi(
    createRoute({
      method: "get",
      path,
      operationId,
      tags: [name],
      summary,
      middleware: guard(action, "read"),
      responses: answers(schema, summary),
    }),
    async (context) => context.json(show(schema, { [name]: await list.ask() }), 200),
  );
}

function addThroughput({ api, client, guard }: RouteParts): void {
  const schema: z.ZodType = z.object({ minutes: z.array(minute) });
  api.openapi(
    createRoute({
      method: "get",
      path: "/api/throughput",
      operationId: "getThroughput",
      tags: ["queues"],
      summary: "What began and ended in each of the last minutes, the present one last",
      middleware: guard("throughput.read", "read"),
      request: {
        query: z.strictObject({ minutes: z.coerce.number().int().min(1).max(1_440).optional() }),
      },
      responses: answers(schema, "One entry per minute, also where nothing was."),
    }),
    async (context) => {
      const { minutes = 60 } = context.req.valid("query");
      return context.json(show(schema, { minutes: await client.getThroughput(minutes) }), 200);
    },
  );
}
