import type { DeadLetterRecord, PauseScope } from "@leasehold/core";

/** What a button posts: where, from the place where the console is mounted, and what. */
export interface Act {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Requeued jobs are due at random times within so long, so that what failed under load is not overloaded again. */
export const spreadMs = 60_000;

export function requeueAct(id: string): Act {
  return { path: `api/jobs/${encodeURIComponent(id)}/requeue`, body: {} };
}

export function cancelAct(id: string): Act {
  return { path: `api/jobs/${encodeURIComponent(id)}/cancel`, body: {} };
}

export function replayAct(id: string, phase: string): Act {
  return { path: `api/jobs/${encodeURIComponent(id)}/replay`, body: { phase } };
}

export function resolveAct(id: string): Act {
  return { path: `api/jobs/${encodeURIComponent(id)}/resolve`, body: {} };
}

/** The API answers a conflict when there are no longer so many of them. */
export function requeueGroupAct(group: DeadLetterRecord): Act {
  const { queue, type, phase, state, code, count } = group;
  const filter = { queue, type, phase, state, ...(code === undefined ? {} : { code }) };
  return { path: "api/jobs/requeue", body: { filter, count, spreadMs } };
}

export function pauseAct(scope: PauseScope): Act {
  return { path: "api/pauses", body: { scope } };
}

export function resumeAct(scope: PauseScope): Act {
  return { path: "api/pauses/resume", body: { scope } };
}

export function openBreakerAct(name: string): Act {
  return { path: `api/resources/${encodeURIComponent(name)}/open`, body: {} };
}

export function closeBreakerAct(name: string): Act {
  return { path: `api/resources/${encodeURIComponent(name)}/close`, body: {} };
}

export function warmAct(name: string): Act {
  return { path: `api/resources/${encodeURIComponent(name)}/warm`, body: {} };
}

/** Answers what is in a job, for whoever may see it and says why. */
export function revealPath(id: string): string {
  return `api/jobs/${encodeURIComponent(id)}/reveal`;
}
