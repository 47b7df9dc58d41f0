import { isJobState } from "./job-states.ts";
import type { JobsQuery } from "./pieces.tsx";

/** The way to the overview from the mounting place, which may be asked for with a slash at its end or without. */
export function findOverview(path: string): string {
  return path.endsWith("/") ? "overview" : `${path.split("/").at(-1) ?? ""}/overview`;
}

const viewPath =
  /^\/(?:overview|queues|jobs(?:\/[0-9a-f-]{36})?|dead-letters|resources|schedules|workers|audit)$/;

/** Where to go back to: one of our own views, or the overview. */
export function findBack(back: string | undefined): string {
  const base = "http://console.invalid";
  const url = URL.parse(`/${back ?? ""}`, base);
  if (url === null || url.origin !== base || !viewPath.test(url.pathname)) return "overview";
  return `${url.pathname.slice(1)}${url.search}`;
}

const filters = ["queue", "type", "code", "tenant", "worker", "after"] as const;
const filterLengthMax = 256;

/** What the list of jobs is narrowed by. What is empty, or nothing that we know, does not matter. */
export function readJobsQuery(query: Readonly<Record<string, string>>): JobsQuery {
  const state = query["state"];
  return {
    ...(isJobState(state) ? { state } : {}),
    ...Object.fromEntries(
      filters.flatMap((name) => {
        const value = (query[name] ?? "").trim().slice(0, filterLengthMax);
        return value === "" ? [] : [[name, value]];
      }),
    ),
  };
}
