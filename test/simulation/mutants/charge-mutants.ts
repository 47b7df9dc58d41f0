import type { Charge } from "../model/schema.ts";
import type { Mutant } from "./mutant.ts";

/** What is counted wrongly. */
export const chargeMutants: readonly Mutant[] = [
  {
    name: "attempts are counted at their end",
    functions(schema) {
      const { claimJobs, moveLease } = schema.functions;
      return {
        claimJobs: (request) =>
          claimJobs(request).map((job) => {
            const lease = schema.tables.lease.get(Number(job.jobId));
            if (lease === undefined) return job;
            const attempt = lease.attempt - 1;
            schema.tables.lease.set(lease.jobId, { ...lease, attempt });
            return { ...job, attempt };
          }),
        moveLease: (lease, request) => moveLease({ ...lease, attempt: lease.attempt + 1 }, request),
      };
    },
  },
  {
    name: "an outage is charged as a failure",
    functions: ({ functions: { chargeLease } }) => ({
      chargeLease: (lease, move, code) =>
        chargeLease(lease, move === "outage" ? "retry" : move, code),
    }),
  },
  {
    name: "a shutdown is charged as an outage",
    functions: ({ functions: { chargeLease } }) => ({
      chargeLease: (lease, move, code) =>
        chargeLease(lease, move === "shutdown" ? "outage" : move, code),
    }),
  },
  {
    name: "a loss is counted twice",
    functions(schema) {
      const { chargeLease } = schema.functions;
      return {
        chargeLease(lease, move, code) {
          if (move === "lapse") chargeLease(lease, move, code);
          return chargeLease(lease, move, code);
        },
      };
    },
  },
  {
    name: "a lease that was never started is a loss",
    functions: ({ functions: { chargeLease } }) => ({
      chargeLease: (lease, move, code) =>
        chargeLease({ ...lease, startedAt: lease.startedAt ?? lease.leasedAt }, move, code),
    }),
  },
  {
    name: "an abandoned claim is a start",
    functions(schema) {
      const { abandonClaim } = schema.functions;
      const { lease, ready } = schema.tables;
      return {
        abandonClaim(worker, token) {
          const ids = [...lease.rows()]
            .filter((row) => row.token === token)
            .map(({ jobId }) => jobId);
          const count = abandonClaim(worker, token);
          for (const id of ids) {
            const row = ready.get(id);
            if (row !== undefined) ready.set(id, { ...row, attempt: row.attempt + 1 });
          }
          return count;
        },
      };
    },
  },
  {
    name: "a job is dead of losses without a run alone",
    functions(schema) {
      const { chargeLease } = schema.functions;
      return {
        chargeLease(lease, move, code): Charge {
          const charge = chargeLease(lease, move, code);
          const counters = schema.tables.jobCounter.get(lease.jobId) ?? [];
          const losses = counters.reduce((sum, counter) => sum + counter.losses, 0);
          return move === "lapse" && losses >= 2 ? { ...charge, state: "dead" } : charge;
        },
      };
    },
  },
  {
    name: "a lost job is not run alone",
    functions: ({ functions: { chargeLease } }) => ({
      chargeLease: (lease, move, code) => ({ ...chargeLease(lease, move, code), solo: false }),
    }),
  },
  {
    name: "retries are never used up",
    functions: ({ functions: { chargeLease } }) => ({
      chargeLease(lease, move, code) {
        const charge = chargeLease(lease, move, code);
        return move === "retry" ? { ...charge, state: "queued" } : charge;
      },
    }),
  },
  {
    name: "nothing waits after an outage",
    functions: ({ functions: { chargeLease } }) => ({
      chargeLease(lease, move, code) {
        const charge = chargeLease(lease, move, code);
        return move === "outage" ? { ...charge, delayMs: 0 } : charge;
      },
    }),
  },
  {
    name: "a requeue forgets the starts",
    functions(schema) {
      const { requeueJob } = schema.functions;
      const { ready, job } = schema.tables;
      return {
        requeueJob(publicId) {
          const answer = requeueJob(publicId);
          for (const row of job.rows()) {
            const queued = ready.get(row.id);
            const isIt = row.publicId === publicId && answer === "ok";
            if (isIt && queued !== undefined) ready.set(row.id, { ...queued, attempt: 0 });
          }
          return answer;
        },
      };
    },
  },
];
