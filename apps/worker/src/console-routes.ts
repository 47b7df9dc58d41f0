import { createOllamaModel } from "@leasehold/adapter-ollama";
import { type ConsoleEvent, createConsole, type WarmResource } from "@leasehold/console-hono";
import { createClient } from "@leasehold/core";
import { createScheduler, type Scheduler } from "@leasehold/cron";
import type { Telemetry } from "@leasehold/telemetry";
import { Hono } from "hono";

import type { LocalBackendConfig, WorkerConfig } from "./config.ts";
import { listWanted } from "./console-models.ts";
import { authorizeOperators, type ConsoleOperator } from "./console-operators.ts";
import { warmModel } from "./model-servers.ts";
import { describeModels } from "./models.ts";

/** Where the page is. */
export const consolePath = "/console";

/** The operators' page and API. */
export interface ConsoleRoutes extends AsyncDisposable {
  readonly routes: Hono;
}

export interface ConsoleParts extends Pick<WorkerConfig, "schema" | "backend"> {
  readonly url: string;
  readonly telemetry: Pick<Telemetry, "modelUses">;
  readonly observe: (event: ConsoleEvent) => void;
}

/** Makes the page for those who are named. */
export function openConsole(
  operators: readonly ConsoleOperator[],
  { url, schema, backend, telemetry, observe }: ConsoleParts,
): ConsoleRoutes {
  const stack = new AsyncDisposableStack();
  // Of its own: operators who look must not stand before those who ask for health and metrics.
  const client = stack.use(createClient({ connection: url, schema }));
  // It is only asked: what runs beside the worker is another one, or none.
  const scheduler = stack.use(createScheduler({ connection: url, schema }));
  const routes = new Hono();
  const page = createConsole({
    client,
    authorize: authorizeOperators(operators),
    listSchedules: () => readSchedules(scheduler),
    observe,
    ...(backend.kind === "local"
      ? {
          warmResource: warmWith(backend),
          listModels: listWanted(backend, () => telemetry.modelUses()),
        }
      : {}),
  });
  routes.route(consolePath, page);
  return { routes, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function readSchedules(scheduler: Scheduler) {
  const health = new Map((await scheduler.listHealth()).map((each) => [each.name, each]));
  return (await scheduler.listSchedules()).map((schedule) => {
    const { lastSlotAt, warning } = health.get(schedule.name) ?? {};
    return { ...schedule, lastSlotAt, warning };
  });
}

/** Has every server of a resource load its model, with the options that its calls will have. */
function warmWith(backend: LocalBackendConfig): WarmResource {
  return async (name, signal) => {
    const model = describeModels(backend).find((each) => createOllamaModel(each).resource === name);
    if (model === undefined) return "not_found";
    for (const baseUrl of backend.baseUrl) {
      await warmModel({ backend, baseUrl, model: model.model }, signal);
    }
    return "ok";
  };
}
