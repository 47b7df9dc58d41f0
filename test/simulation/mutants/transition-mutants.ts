import type { HookCall } from "../model/rows.ts";
import type { Mutant } from "./mutant.ts";

/** What happens to a job that must not, or does not and must. */
export const transitionMutants: readonly Mutant[] = [
  {
    name: "leases that ran out are never taken back",
    functions: () => ({ lapseLeases: () => [] }),
  },
  {
    name: "the worker's clock says when a lease runs out",
    functions(schema, caller) {
      const { lapseLeases } = schema.functions;
      const { clock } = schema.server;
      return {
        lapseLeases(limit) {
          const ahead = (((caller()?.id ?? 0) * 7_919) % 41) * 1_000;
          Object.assign(schema.server, { clock: () => clock() + ahead });
          try {
            return lapseLeases(limit);
          } finally {
            Object.assign(schema.server, { clock });
          }
        },
      };
    },
  },
  {
    name: "a lease lapses right after Postgres started",
    functions(schema) {
      const { lapseLeases } = schema.functions;
      const { startedAt } = schema.server;
      return {
        lapseLeases(limit) {
          Object.assign(schema.server, { startedAt: () => -1e9 });
          try {
            return lapseLeases(limit);
          } finally {
            Object.assign(schema.server, { startedAt });
          }
        },
      };
    },
  },
  {
    name: "a job that must run alone is claimed with others",
    functions(schema) {
      const { claimJobs } = schema.functions;
      return {
        claimJobs(request) {
          const first = claimJobs(request);
          if (first.length === 0 || first.length === request.limit) return first;
          const limit = request.limit - first.length;
          return [...first, ...claimJobs({ ...request, limit, soloLanes: [] })];
        },
      };
    },
  },
  {
    name: "a run alone is not told that it is one",
    functions(schema) {
      const { claimJobs, startJob } = schema.functions;
      return {
        claimJobs: (request) =>
          claimJobs(request).map((job) => {
            if (job.solo) startJob(job);
            return { ...job, solo: false };
          }),
      };
    },
  },
  {
    name: "a phase that yields loses its result",
    functions(schema) {
      const { checkpointJob } = schema.functions;
      const { result } = schema.tables;
      return {
        checkpointJob(key, step, output) {
          const before = result.get(Number(key.jobId));
          const answer = checkpointJob(key, step, output);
          if (answer.outcome === "ok" && answer.state === "queued") {
            result.set(Number(key.jobId), before ?? []);
          }
          return answer;
        },
      };
    },
  },
  {
    name: "a result may be written again",
    functions(schema) {
      const { storeResult } = schema.functions;
      const { result, lanes } = schema.tables;
      return {
        storeResult(lease, part, output) {
          const { phase } = lanes[lease.laneId - 1] ?? {};
          const rows = result.get(lease.jobId) ?? [];
          const others = rows.filter((row) => row.phase !== phase || row.part !== part);
          result.set(lease.jobId, others);
          storeResult(lease, part, output);
        },
      };
    },
  },
  {
    name: "a cancel loses to whoever runs the job",
    functions(schema) {
      const { cancelJob } = schema.functions;
      const { job, lease } = schema.tables;
      return {
        cancelJob(publicId) {
          for (const { id, publicId: other } of job.rows()) {
            if (other === publicId && lease.get(id) !== undefined) return "ok";
          }
          return cancelJob(publicId);
        },
      };
    },
  },
  {
    name: "a cancelled job is completed by its late worker",
    functions(schema) {
      const { completeJob } = schema.functions;
      const { stopped } = schema.tables;
      return {
        completeJob(key, result) {
          const row = stopped.get(Number(key.jobId));
          if (row?.state !== "cancelled") return completeJob(key, result);
          stopped.delete(Number(key.jobId));
          return { outcome: "ok", state: "completed", delayMs: 0 };
        },
      };
    },
  },
  {
    name: "what a hook wrote stays when it raises",
    functions(schema) {
      const { chargeEffect } = schema.functions;
      const { hookCall } = schema.tables;
      return {
        chargeEffect(lease, sqlstate) {
          const answer = chargeEffect(lease, sqlstate);
          const call = { jobId: lease.jobId, from: "leased", to: "completed" };
          const calls: readonly HookCall[] = hookCall.get(lease.jobId) ?? [];
          const written = { ...call, phase: "", code: undefined, result: undefined };
          hookCall.set(lease.jobId, [written, ...calls]);
          return answer;
        },
      };
    },
  },
  {
    name: "a transition is committed although its hook raised",
    functions(schema) {
      const { callHook } = schema.functions;
      return {
        callHook(call) {
          try {
            callHook(call);
          } catch {
            // The transition stands, and the host never heard of it.
            const { hookCall } = schema.tables;
            hookCall.set(call.jobId, hookCall.get(call.jobId)?.slice(0, -1) ?? []);
          }
        },
      };
    },
  },
  {
    name: "a lapse calls no hook",
    functions: ({ functions: { moveLease } }) => ({
      moveLease: (lease, request) =>
        moveLease(lease, request.move === "lapse" ? { ...request, withHook: false } : request),
    }),
  },
  {
    name: "a job is claimed before it is due",
    functions(schema) {
      const { claimJobs } = schema.functions;
      const { clock } = schema.server;
      return {
        claimJobs(request) {
          Object.assign(schema.server, { clock: () => clock() + 3_000 });
          try {
            return claimJobs(request);
          } finally {
            Object.assign(schema.server, { clock });
          }
        },
      };
    },
  },
  {
    name: "an ended job keeps its unique key",
    functions(schema) {
      const { moveLease } = schema.functions;
      const { uniqueKey, job } = schema.tables;
      return {
        moveLease(lease, request) {
          const answer = moveLease(lease, request);
          const { queue, uniqueKey: key } = job.get(lease.jobId) ?? {};
          if (key !== undefined) uniqueKey.set(`${queue} ${key}`, lease.jobId);
          return answer;
        },
      };
    },
  },
];
