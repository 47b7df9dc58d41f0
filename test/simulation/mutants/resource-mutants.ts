import type { Mutant } from "./mutant.ts";

/** How a resource that is away, or comes back, is treated wrongly. */
export const resourceMutants: readonly Mutant[] = [
  {
    name: "a gate is not shut",
    functions: () => ({ reportOutage: () => undefined }),
  },
  {
    name: "a breaker that opens drops the job that told of it",
    functions(schema) {
      const { reportOutage } = schema.functions;
      return {
        reportOutage(lease, reason) {
          reportOutage(lease, reason);
          schema.tables.ready.delete(lease.jobId);
        },
      };
    },
  },
  {
    name: "a probe is two jobs",
    functions(schema) {
      const { weighResource } = schema.functions;
      return {
        weighResource(resource, now) {
          const weight = weighResource(resource, now);
          const isProbe = weight.state !== "closed" && weight.places === 1;
          return isProbe ? { ...weight, places: 2 } : weight;
        },
      };
    },
  },
  {
    name: "a probe that runs is not waited for",
    functions(schema) {
      const { judgeProbe } = schema.functions;
      return {
        judgeProbe(probe) {
          const fate = judgeProbe(probe);
          return fate === "running" ? "gone" : fate;
        },
      };
    },
  },
  {
    name: "a probe that is gone is waited for",
    functions(schema) {
      const { judgeProbe } = schema.functions;
      return {
        judgeProbe(probe) {
          const fate = judgeProbe(probe);
          return fate === "gone" ? "running" : fate;
        },
      };
    },
  },
  {
    name: "a probe that met the outage again closes the breaker",
    functions(schema) {
      const { judgeProbe } = schema.functions;
      const { attempt, lease } = schema.tables;
      return {
        judgeProbe: (probe) =>
          lease.get(probe.jobId)?.token !== probe.token &&
          attempt.get(probe.jobId)?.some(({ token }) => token === probe.token) === true
            ? "answered"
            : judgeProbe(probe),
      };
    },
  },
  {
    name: "slow start is ignored",
    functions(schema) {
      const { weighResource } = schema.functions;
      return {
        weighResource: (resource, now) =>
          resource.state === "closed"
            ? weighResource({ ...resource, slowSince: undefined }, now)
            : weighResource(resource, now),
      };
    },
  },
  {
    name: "a bound counts the jobs of one claim only",
    functions(schema) {
      const { weighResource } = schema.functions;
      return {
        weighResource(resource, now) {
          const weight = weighResource(resource, now);
          const isBound = weight.state === "closed" && resource.slowSince === undefined;
          return isBound ? { ...weight, places: resource.concurrency } : weight;
        },
      };
    },
  },
  {
    name: "an outage is waited out for a second",
    functions(schema) {
      const { reportOutage } = schema.functions;
      const { resource } = schema.tables;
      return {
        reportOutage(lease, reason) {
          reportOutage(lease, reason);
          const row = resource.get(lease.resource ?? "");
          if (row?.openUntil === undefined) return;
          resource.set(row.name, { ...row, openUntil: schema.server.clock() + 1_000 });
        },
      };
    },
  },
];
