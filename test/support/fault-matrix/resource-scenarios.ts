import { expect } from "bun:test";

import { type AdapterV1, definePipeline } from "@leasehold/core";
import { z } from "zod";

import { asking, same } from "./client-scenarios.ts";
import {
  inTime,
  type MatrixBench,
  patienceMs,
  resultOf,
  statementMs,
  waitForEnd,
} from "./matrix-bench.ts";
import type { Scenario } from "./scenario.ts";

/** An essay that is drafted and graded by two models of one host. */
const essay = definePipeline({
  type: "essay",
  version: 1,
  input: z.unknown(),
  phases: [
    { name: "draft", output: z.unknown() },
    { name: "grade", output: z.unknown() },
  ],
});

const models: AdapterV1 = {
  specVersion: "v1",
  name: "models",
  version: "1",
  capabilities: { phases: ["draft", "grade"] },
  resource: (phase) => `host/${phase}`,
  concurrency: () => 1,
  execute: async ({ phase }) => resultOf(phase),
};

/** A statement in the life of a job that needs resources: it completes all the same, and leaves no place taken. */
function inLife(statement: RegExp): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const { worker, recorder } = bench.addWorker(essay, { adapters: [models] });
      await worker.start();
      const fault = bench.proxy.arm({ statement, kind });
      const { id } = await bench.observer.enqueue(essay, {});

      const completed = recorder.waitFor("job.completed", { timeoutMs: 2 * patienceMs });
      await inTime(fault, statementMs.work, completed);
      const job = await waitForEnd(bench, id);

      expect(job).toMatchObject({ state: "completed", failures: 0, losses: 0, outages: 0 });
      expect(await bench.observer.getResources()).toMatchObject([
        { name: "host/draft", state: "closed", leased: 0 },
        { name: "host/grade", state: "closed", leased: 0 },
      ]);
    },
  };
}

/** Resources are declared at the start, which is refused in time, and the same worker starts at the second try. */
const declaring: Scenario = {
  statement: /\.declare_resource\(/,
  async play(bench, kind) {
    const { worker } = bench.addWorker(essay, { adapters: [models] });
    const fault = bench.proxy.arm({ statement: this.statement, kind });

    const start = worker.start();
    await inTime(
      fault,
      statementMs.work,
      start.then(undefined, () => undefined),
    );
    await worker.start();
    const { id } = await bench.observer.enqueue(essay, {});

    expect(start).rejects.toMatchObject({ code: "database_unavailable" });
    expect(await waitForEnd(bench, id)).toMatchObject({ state: "completed" });
  },
};

const declared = async ({ observer }: MatrixBench): Promise<string> =>
  await observer.setResource("host/model", { concurrency: 1 });

/** Every statement about resources, by what it is. */
export const resourceScenarios: Readonly<Record<string, Scenario>> = {
  declare_resource: declaring,
  claim_for_resource: inLife(/\.claim_for_resource\(/),
  peek_lanes: inLife(/\.peek_lanes\(/),
  // A claim for a resource takes no completion along.
  complete_jobs: inLife(/\.complete_jobs\(/),
  set_resource: asking(/\.set_resource\(/, {
    prepare: async () => "",
    call: async ({ client }) => ({
      answer: await client.setResource("host/model", { concurrency: 2 }),
    }),
    again: { done: { answer: "updated" }, notDone: { answer: "created" } },
    async check({ observer }) {
      expect(await observer.getResources()).toMatchObject([{ concurrency: 2 }]);
    },
  }),
  open_breaker: asking(/\.open_breaker\(/, {
    prepare: declared,
    call: async ({ client }) => ({ answer: await client.openBreaker("host/model") }),
    again: same({ answer: "ok" }),
    async check({ observer }) {
      expect(await observer.getResources()).toMatchObject([{ state: "open", code: "paused" }]);
    },
  }),
  close_breaker: asking(/\.close_breaker\(/, {
    async prepare(bench) {
      await declared(bench);
      return await bench.observer.openBreaker("host/model");
    },
    call: async ({ client }) => ({ answer: await client.closeBreaker("host/model") }),
    again: { done: { answer: "closed" }, notDone: { answer: "ok" } },
    async check({ observer }) {
      expect(await observer.getResources()).toMatchObject([{ state: "closed" }]);
    },
  }),
  get_resources: asking(/\.get_resources\(/, {
    prepare: declared,
    call: ({ client }) => client.getResources(),
    again: same([{ name: "host/model", concurrency: 1 }]),
  }),
};
