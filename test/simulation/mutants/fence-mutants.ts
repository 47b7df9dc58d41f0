import type { ModelSchema } from "../model/create-schema.ts";
import type { LeaseKey } from "../production.ts";
import type { Mutant } from "./mutant.ts";

/** Shows whatever token a lease has now, as if the function did not compare it. */
function unfence({ tables }: ModelSchema): <Key extends LeaseKey>(key: Key) => Key {
  return (key) => ({ ...key, token: tables.lease.get(Number(key.jobId))?.token ?? key.token });
}

/** Statements that do not ask whose lease it is. */
export const fenceMutants: readonly Mutant[] = [
  {
    name: "complete without token",
    functions(schema) {
      const { completeJob } = schema.functions;
      const open = unfence(schema);
      return { completeJob: (key, result) => completeJob(open(key), result) };
    },
  },
  {
    name: "checkpoint without token",
    functions(schema) {
      const { checkpointJob } = schema.functions;
      const open = unfence(schema);
      return { checkpointJob: (key, step, result) => checkpointJob(open(key), step, result) };
    },
  },
  {
    name: "retry without token",
    functions(schema) {
      const { retryJob } = schema.functions;
      const open = unfence(schema);
      return { retryJob: (key, reason) => retryJob(open(key), reason) };
    },
  },
  {
    name: "release without token",
    functions(schema) {
      const { releaseJob } = schema.functions;
      const open = unfence(schema);
      return { releaseJob: (key, kind, reason) => releaseJob(open(key), kind, reason) };
    },
  },
  {
    name: "save_part without token",
    functions(schema) {
      const { savePart } = schema.functions;
      const open = unfence(schema);
      return { savePart: (key, part, result) => savePart(open(key), part, result) };
    },
  },
  {
    name: "renewal without token",
    functions(schema) {
      const { renewLeases } = schema.functions;
      return { renewLeases: (keys) => renewLeases(keys.map(unfence(schema))) };
    },
  },
  {
    name: "commit without token",
    functions(schema) {
      const { holdLease } = schema.functions;
      const open = unfence(schema);
      return { holdLease: (key) => holdLease(open(key)) };
    },
  },
  {
    name: "start without token",
    functions(schema) {
      const { startJob } = schema.functions;
      const open = unfence(schema);
      return { startJob: (key) => startJob(open(key)) };
    },
  },
  {
    name: "token starts again after each release",
    functions(schema) {
      const { claimJobs } = schema.functions;
      return {
        claimJobs: (request) =>
          claimJobs(request).map((job) => {
            const token = `attempt ${job.attempt}`;
            const lease = schema.tables.lease.get(Number(job.jobId));
            if (lease !== undefined) schema.tables.lease.set(lease.jobId, { ...lease, token });
            return { ...job, token };
          }),
      };
    },
  },
  {
    name: "a part is taken for the running phase's",
    functions(schema) {
      const { savePart } = schema.functions;
      return {
        savePart: (key, part, { output, provenance }) =>
          savePart(key, part, { output, provenance }),
      };
    },
  },
  {
    name: "a stale call is told that it succeeded",
    functions: ({ functions: { answerStale } }) => ({
      answerStale: (key) => ({ ...answerStale(key), outcome: "already", state: "queued" }),
    }),
  },
  {
    name: "a repeated call is told that it lost",
    functions: () => ({
      answerStale: () => ({ outcome: "lost", state: undefined, delayMs: 0 }),
    }),
  },
  {
    name: "a repeated checkpoint passes the next phase, too",
    functions(schema) {
      const { checkpointJob } = schema.functions;
      return {
        checkpointJob(key, step, result) {
          const lease = schema.tables.lease.get(Number(key.jobId));
          const lane = schema.tables.lanes.find(({ id }) => id === lease?.laneId);
          return checkpointJob(key, { ...step, phase: lane?.phase ?? step.phase }, result);
        },
      };
    },
  },
  {
    name: "a lapse whose hook raises is its holder's own end",
    functions(schema) {
      const { settleLease } = schema.functions;
      const { attempt } = schema.tables;
      return {
        settleLease(lease, request) {
          const answer = settleLease(lease, request);
          if (request.move === "lapse" && answer.outcome === "effect_failed") {
            const rows = attempt.get(lease.jobId) ?? [];
            attempt.set(
              lease.jobId,
              rows.map((row) =>
                row.code === "effect_failed" ? { ...row, outcome: row.code } : row,
              ),
            );
          }
          return answer;
        },
      };
    },
  },
];
