import { WorkerError } from "@leasehold/core";

import type { RenewalAnswer, ResourceClaim } from "../production.ts";
import type { Mutant } from "./mutant.ts";

function withAnswers(
  answers: ReadonlyMap<string, RenewalAnswer>,
  change: (answer: RenewalAnswer) => RenewalAnswer,
): ReadonlyMap<string, RenewalAnswer> {
  return new Map([...answers].map(([jobId, answer]) => [jobId, change(answer)]));
}

/** What a worker does wrongly with what it asks and what it is answered. */
export const workerMutants: readonly Mutant[] = [
  {
    name: "an unknown commit is taken for a failure",
    store: (store) => ({
      ...store,
      async completeJob(lease, result) {
        try {
          return await store.completeJob(lease, result);
        } catch (error) {
          if (!WorkerError.is(error, "database_unavailable")) throw error;
          // As if nothing had happened there, the caller tells of a job that waits again.
          return await store.retryJob(lease, { code: "backend_failed", message: "unknown" });
        }
      },
    }),
  },
  {
    name: "a gate drops a job that it let in",
    store: (store) => ({
      ...store,
      async claimForResource(request) {
        const claim = await store.claimForResource(request);
        // It is leased to look whether the resource is back, and nobody runs it.
        return claim.state === "half_open" ? { ...claim, jobs: [] } : claim;
      },
    }),
  },
  {
    name: "a gate that was shut never opens",
    store(store) {
      const shut = new Map<string, ResourceClaim>();
      return {
        ...store,
        async claimForResource(request) {
          const claim = shut.get(request.resource) ?? (await store.claimForResource(request));
          if (claim.state === "open") shut.set(request.resource, claim);
          return claim;
        },
      };
    },
  },
  {
    name: "a lost lease is not noticed at its renewal",
    store: (store) => ({
      ...store,
      renewLeases: async (leases) =>
        withAnswers(await store.renewLeases(leases), (answer) =>
          answer === "ok" ? answer : "busy",
        ),
    }),
  },
  {
    name: "a cancel is not told to the worker",
    store: (store) => ({
      ...store,
      renewLeases: async (leases) =>
        withAnswers(await store.renewLeases(leases), (answer) =>
          answer === "cancelled" ? "ok" : answer,
        ),
    }),
  },
  {
    name: "leases are not renewed",
    store: (store) => ({
      ...store,
      renewLeases: async (leases) => new Map(leases.map(({ jobId }) => [jobId, "ok"])),
    }),
  },
  {
    name: "what was saved before is not looked at",
    store: (store) => ({ ...store, loadResults: async () => ({ results: {}, parts: {} }) }),
  },
  {
    name: "a renewal that failed is believed",
    store: (store) => ({
      ...store,
      async renewLeases(leases) {
        const believed = new Map(leases.map(({ jobId }) => [jobId, "ok" as const]));
        return await store.renewLeases(leases).catch(() => believed);
      },
    }),
  },
  {
    name: "a run alone begins without being counted",
    store: (store) => ({ ...store, startJob: async () => "ok" }),
  },
  {
    name: "a stopping worker keeps its jobs",
    store: (store, process) => ({
      ...store,
      releaseJob: async (lease, kind, reason) =>
        process.stoppingAt !== undefined
          ? { outcome: "ok", state: "queued", delayMs: 0 }
          : await store.releaseJob(lease, kind, reason),
    }),
  },
];
