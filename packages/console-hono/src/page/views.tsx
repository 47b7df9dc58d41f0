/** @jsxImportSource hono/jsx */
import type { Context } from "hono";

import { renderJob, renderMissingJob } from "./job-view.tsx";
import { renderJobs } from "./jobs-view.tsx";
import {
  auditRows,
  renderAudit,
  renderDeadLetters,
  renderSchedules,
  renderWorkers,
} from "./list-views.tsx";
import type { Look, View } from "./look.ts";
import { renderOverview } from "./overview-view.tsx";
import { readJobsQuery } from "./page-address.ts";
import type { PageSource } from "./page-source.ts";
import { renderQueues } from "./queues-view.tsx";
import { renderResources } from "./resources-view.tsx";
import type { ViewName, Words } from "./words.ts";

/** Reads what a view shows and renders it. */
export type Render = (look: Look, source: PageSource, context: Context) => Promise<View>;

/** The views beside each other in the navigation. */
export const views: Readonly<Record<ViewName, Render>> = {
  overview: async (look, source) =>
    renderOverview(look, await source.readOverview(look.figures.now)),
  queues: async (look, source) => renderQueues(look, await source.readQueues()),
  jobs: async (look, source, { req }) => {
    const query = readJobsQuery(req.query());
    return renderJobs(look, query, await source.listJobs(query));
  },
  "dead-letters": async (look, source) =>
    renderDeadLetters(look, await source.client.getDeadLetters()),
  resources: async (look, source) => renderResources(look, await source.readResources()),
  schedules: async (look, source) => renderSchedules(look, await source.listSchedules?.()),
  workers: async (look, source) => renderWorkers(look, await source.client.getWorkers()),
  audit: async (look, source, { req }) => {
    const before = req.query("before");
    const asked = { limit: auditRows, ...(before === undefined ? {} : { before }) };
    return renderAudit(look, await source.client.getActions(asked));
  },
};

/** One job, by the id in the address. */
export const renderOneJob: Render = async (look, source, { req }) => {
  const data = await source.readJob(req.param("id") ?? "");
  return data === undefined ? renderMissingJob(look) : renderJob(look, data);
};

/** What is shown instead of a view that cannot be shown. */
export function renderProblem({ problems }: Words, name: "invalid" | "unavailable"): View {
  const hint = problems[`${name}Hint`];
  return {
    title: problems[name],
    announcement: problems[name],
    status: name === "invalid" ? 400 : 503,
    body: <p class="empty">{hint}</p>,
  };
}
