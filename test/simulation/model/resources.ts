import type { DueLane, ResourceClaim, ResourceClaimRequest } from "../production.ts";
import type { Lease, Resource } from "./rows.ts";
import type { Schema, SchemaFunctions, Weight } from "./schema.ts";

/** The functions about what jobs compete for. */
export function createResources(
  schema: Schema,
): Pick<
  SchemaFunctions,
  | "claimForResource"
  | "closeBreaker"
  | "declareResource"
  | "judgeProbe"
  | "openBreaker"
  | "peekLanes"
  | "reportOutage"
  | "setResource"
  | "weighResource"
> {
  const { server, tables } = schema;
  return {
    // declare_resource.sql
    declareResource(name, concurrency) {
      const row = tables.resource.get(name);
      if (row === undefined) tables.resource.set(name, { ...newResource(name), concurrency });
      else if (!row.isSet && concurrency !== undefined) {
        tables.resource.set(name, { ...row, concurrency });
      }
    },
    // set_resource.sql
    setResource(name, concurrency) {
      const row = tables.resource.get(name) ?? newResource(name);
      tables.resource.set(name, { ...row, concurrency, isSet: true });
      server.hint();
    },
    // open_breaker.sql
    openBreaker(name, forMs) {
      const row = tables.resource.get(name);
      if (row === undefined) return "not_found";
      const now = server.clock();
      const openUntil = forMs === undefined ? Infinity : now + Math.max(forMs, 0);
      const opened = { state: "open" as const, code: "paused", openUntil, changedAt: now };
      tables.resource.set(name, { ...row, ...opened, probe: undefined });
      return "ok";
    },
    // close_breaker.sql
    closeBreaker(name) {
      const row = tables.resource.get(name);
      if (row === undefined) return "not_found";
      if (row.state === "closed") return "closed";
      tables.resource.set(name, { ...closeNow(row, server.clock()), outages: 0 });
      server.hint();
      return "ok";
    },
    peekLanes: (lanes) => peekLanes(schema, lanes),
    judgeProbe: (probe) => judgeProbe(schema, probe),
    weighResource: (resource, now) => weighResource(schema, resource, now),
    claimForResource: (request) => claimForResource(schema, request),
    reportOutage: (lease, reason) => reportOutage(schema, lease, reason),
  };
}

function newResource(name: string): Resource {
  return {
    name,
    concurrency: undefined,
    isSet: false,
    state: "closed",
    openUntil: undefined,
    outages: 0,
    code: undefined,
    probe: undefined,
    probedAt: undefined,
    slowSince: undefined,
    changedAt: undefined,
  };
}

function closeNow(resource: Resource, now: number): Resource {
  const closed = { state: "closed" as const, code: undefined, openUntil: undefined };
  return { ...resource, ...closed, probe: undefined, slowSince: now, changedAt: now };
}

/** peek_lanes.sql */
function peekLanes({ server, tables }: Schema, lanes: readonly number[]): readonly DueLane[] {
  const now = server.clock();
  const due = new Map<number, number>();
  for (const { laneId, dueAt } of tables.ready.rows()) {
    if (dueAt > now || !lanes.includes(laneId)) continue;
    due.set(laneId, Math.min(dueAt, due.get(laneId) ?? dueAt));
  }
  return [...due]
    .toSorted(([, one], [, other]) => one - other)
    .map(([laneId, dueAt]) => ({ laneId, waitedMs: now - dueAt }));
}

/** judge_probe.sql */
function judgeProbe(
  { tables }: Schema,
  { jobId, token }: NonNullable<Resource["probe"]>,
): "answered" | "running" | "gone" {
  const results = tables.result.get(jobId) ?? [];
  const hasAnswered = (tables.attempt.get(jobId) ?? []).some((row) => {
    if (row.token !== token) return false;
    const result = results.find(({ phase, part }) => phase === row.phase && part === 0);
    if (result !== undefined && result.attempt < row.attempt) return false;
    if (row.outcome === "effect_failed") return result !== undefined;
    return ["completed", "retried", "failed"].includes(row.outcome);
  });
  if (hasAnswered) return "answered";
  return tables.lease.get(jobId)?.token === token ? "running" : "gone";
}

const probeMsMin = 5_000;

/** weigh_resource.sql */
function weighResource(schema: Schema, resource: Resource, now: number): Weight {
  const { functions, tables } = schema;
  const { state: before, probe, changedAt = 0 } = resource;
  const fate = before === "half_open" && probe ? functions.judgeProbe(probe) : undefined;
  const state = fate === "answered" ? "closed" : before;
  const slowSince = fate === "answered" ? now : resource.slowSince;
  if (state !== "closed") {
    const until = state === "open" ? resource.openUntil : (resource.probedAt ?? 0) + probeMsMin;
    const waitMs = waitUntil(until ?? 0, changedAt, now) || (fate === "running" ? 1_000 : 0);
    if (waitMs > 0) return { state, waitMs, places: 0 };
  }
  const doublings = slowSince === undefined ? 16 : Math.floor(Math.max(now - slowSince, 0) / 5_000);
  const slow = state === "closed" && doublings < 16 ? 2 ** doublings : Infinity;
  const bound = Math.min(resource.concurrency ?? Infinity, slow);
  const leased = [...tables.lease.rows()].filter((row) => row.resource === resource.name).length;
  const left = Math.min(Math.max(bound - leased, 0), state === "closed" ? Infinity : 1);
  return { state, waitMs: 0, places: left === Infinity ? undefined : left };
}

function waitUntil(until: number, changedAt: number, now: number): number {
  const isAhead = until > now && (changedAt <= now || until === Infinity);
  return isAhead ? Math.ceil(Math.min(until - now, 86_400_000)) : 0;
}

/** claim_for_resource.sql */
function claimForResource(schema: Schema, request: ResourceClaimRequest): ResourceClaim {
  const { functions, server, tables } = schema;
  const { resource: name, token, lanes, soloLanes, limit } = request;
  const now = server.clock();
  if (tables.resource.get(name) === undefined) functions.declareResource(name, undefined);
  let row = tables.resource.get(name) ?? newResource(name);
  const { code } = row;
  const weight = functions.weighResource(row, now);
  const { waitMs, places } = weight;
  const isDue = functions.peekLanes([...lanes, ...soloLanes]).length > 0;
  if (weight.state === row.state && (places === 0 || !isDue)) return { ...weight, code, jobs: [] };
  if (weight.state !== row.state) {
    row = closeNow(row, now);
    tables.resource.set(name, row);
  }
  const jobs = functions.claimJobs({ ...request, limit: Math.min(limit, places ?? limit) });
  for (const { jobId } of jobs) {
    const lease = tables.lease.get(Number(jobId));
    if (lease !== undefined) tables.lease.set(lease.jobId, { ...lease, resource: name });
  }
  const left = places === undefined ? undefined : places - jobs.length;
  const [probe] = jobs;
  const standing = { code: row.code, places: left, jobs };
  if (weight.state === "closed" || probe === undefined) {
    return { ...standing, state: weight.state, waitMs };
  }
  tables.resource.set(name, {
    ...row,
    state: "half_open",
    openUntil: undefined,
    probe: { jobId: Number(probe.jobId), token },
    probedAt: now,
    changedAt: now,
  });
  return { ...standing, state: "half_open", waitMs: probeMsMin };
}

/** report_outage.sql */
function reportOutage(
  { server, tables }: Schema,
  lease: Lease,
  { code, retryAfterMs = 0 }: { readonly code: string | undefined; readonly retryAfterMs?: number },
): void {
  const row = tables.resource.get(lease.resource ?? "");
  if (row === undefined) return;
  const now = server.clock();
  const askedUntil = now + retryAfterMs;
  const isProbe = row.probe?.jobId === lease.jobId && row.probe.token === lease.token;
  if (row.state === "closed" || isProbe) {
    const isConsecutive = row.state !== "closed" || (row.slowSince ?? -Infinity) > now - 60_000;
    const outages = 1 + (isConsecutive ? row.outages : 0);
    const pauseMs = server.pause(Math.min(60_000, 10_000 * 2 ** (outages - 1)), row.name);
    tables.resource.set(row.name, {
      ...row,
      state: "open",
      code,
      outages,
      probe: undefined,
      changedAt: now,
      openUntil: Math.max(now + pauseMs, askedUntil),
    });
  } else if (row.state === "open" && (row.openUntil ?? 0) < askedUntil) {
    tables.resource.set(row.name, { ...row, openUntil: askedUntil });
  }
}
