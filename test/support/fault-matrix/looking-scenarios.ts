import { expect } from "bun:test";

import { asking, enqueued, same } from "./client-scenarios.ts";
import type { MatrixBench } from "./matrix-bench.ts";
import type { Scenario } from "./scenario.ts";

const byAda = { operator: "ada", action: "job.cancel", reason: "Twice there." };

async function expectActions(
  { observer }: MatrixBench,
  expected: readonly object[],
): Promise<void> {
  expect(await observer.getActions()).toMatchObject(expected);
}

/** An act and the note of it are one: whatever was lost, neither is there, or both. */
const noting = (statement: RegExp, again: Parameters<typeof same>[0]): Scenario =>
  asking(statement, {
    prepare: enqueued,
    call: async ({ client }, id) => ({ answer: await client.noted(byAda).cancel(id) }),
    again: same(again),
    async check(bench, id) {
      expect(await bench.observer.getJob(id)).toMatchObject({ state: "cancelled" });
      await expectActions(bench, [{ operator: "ada", outcome: "ok", jobs: 1 }]);
    },
  });

/** Every statement that shows jobs to operators and what operators did, by its name. */
export const lookingScenarios: Readonly<Record<string, Scenario>> = {
  list_jobs: asking(/\.list_jobs\(/, {
    prepare: enqueued,
    call: ({ client }) => client.listJobs(),
    again: same({ jobs: [{ type: "essay", state: "queued" }] }),
  }),
  get_timeline: asking(/\.get_timeline\(/, {
    prepare: enqueued,
    call: ({ client }, id) => client.getTimeline(id),
    again: same({ type: "essay", state: "queued" }),
  }),
  get_throughput: asking(/\.get_throughput\(/, {
    prepare: enqueued,
    call: async ({ client }) => ({ minutes: (await client.getThroughput(5)).length }),
    again: same({ minutes: 5 }),
  }),
  get_actions: asking(/\.get_actions\(/, {
    async prepare({ observer }) {
      await observer.noteAction(byAda);
      return "";
    },
    call: ({ client }) => client.getActions(),
    again: same([{ operator: "ada", action: "job.cancel" }]),
  }),
  begin_action: noting(/\.begin_action\(/, { answer: "ok" }),
  "an act that is written down": noting(/\.cancel_job\(/, { answer: "ok" }),
  note_action: noting(/\.note_action\(/, { answer: "ok" }),
  reveal_job: asking(/\.reveal_job\(/, {
    prepare: enqueued,
    call: ({ client }, id) => client.revealJob(id, { operator: "ada", reason: "She asked." }),
    again: same({ payload: {} }),
    // Who asks twice has looked twice, when the first look was answered into the void.
    async check({ observer }) {
      const actions = await observer.getActions();
      expect(actions.length).toBeWithin(1, 3);
      expect(new Set(actions.map(({ action }) => action))).toEqual(new Set(["job.reveal"]));
    },
  }),
};
