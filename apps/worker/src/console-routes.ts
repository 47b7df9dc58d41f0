import { createConsole } from "@leasehold/console-hono";
import type { Client } from "@leasehold/core";
import { createScheduler, type Scheduler } from "@leasehold/cron";
import { Hono } from "hono";

import { authorizeOperators, type ConsoleOperator } from "./console-operators.ts";

/** Where the page is. */
export const consolePath = "/console";

/** The operators' page and API. */
export interface ConsoleRoutes extends AsyncDisposable {
  readonly routes: Hono;
}

/** Makes the page for those who are named. */
export function openConsole(
  operators: readonly ConsoleOperator[],
  {
    client,
    url,
    schema,
  }: { readonly client: Client; readonly url: string; readonly schema: string },
): ConsoleRoutes {
  // It is only asked: what runs beside the worker is another one, or none.
  const scheduler = createScheduler({ connection: url, schema });
  const authorize = authorizeOperators(operators);
  const routes = new Hono();
  const listSchedules = (): ReturnType<typeof readSchedules> => readSchedules(scheduler);
  routes.route(consolePath, createConsole({ client, authorize, listSchedules }));
  return { routes, [Symbol.asyncDispose]: () => scheduler[Symbol.asyncDispose]() };
}

async function readSchedules(scheduler: Scheduler) {
  const health = new Map((await scheduler.listHealth()).map((each) => [each.name, each]));
  return (await scheduler.listSchedules()).map((schedule) => {
    const { lastSlotAt, warning } = health.get(schedule.name) ?? {};
    return { ...schedule, lastSlotAt, warning };
  });
}
