import { expect } from "bun:test";

import { createLearningStore, learningSql, type LearningStore } from "@leasehold/learning";

import { asking, type ClientCall, same } from "./client-scenarios.ts";
import type { MatrixBench } from "./matrix-bench.ts";
import type { Scenario } from "./scenario.ts";

interface StoreCall {
  readonly call: (store: LearningStore, id: string) => Promise<unknown>;
  readonly again: ClientCall<unknown>["again"];
  readonly check?: (bench: MatrixBench) => Promise<void>;
}

function submit(store: LearningStore, id: string): Promise<unknown> {
  return store.submit({ id, studentSub: "student", content: { kind: "text", text: "Ein Text." } });
}

/** A call of a web application or of a health page is refused in time, and asking again is safe. */
function askingStore(statement: RegExp, { call, again, check }: StoreCall): Scenario {
  const scenario = asking(statement, {
    prepare: async () => crypto.randomUUID(),
    async call({ proxy, database }, id) {
      await using store = createLearningStore({ connection: proxy.url, schema: database.schema });
      return { answer: await call(store, id) };
    },
    again: { done: { answer: again.done }, notDone: { answer: again.notDone } },
    check: async (bench) => await check?.(bench),
  });
  // The runbook's tables are in `public`, by their names.
  return { ...scenario, bundles: [learningSql], needsDatabase: true };
}

/** Every statement of the learning worker's own, by its name. */
export const learningScenarios: Readonly<Record<string, Scenario>> = {
  learning_submit: askingStore(/\.learning_submit\(/, {
    call: submit,
    again: same({ id: expect.any(String), jobId: expect.any(String) }),
    async check({ database }) {
      expect(await database.query("select from public.learning_submissions")).toHaveLength(1);
      expect(await database.query('select from :"schema".job')).toHaveLength(1);
    },
  }),
  learning_read_submission_v2: askingStore(/\.learning_read_submission_v2\(/, {
    async call(store, id) {
      await submit(store, id);
      return await store.readSubmission(id);
    },
    again: same({ status: "pending", text: "Ein Text." }),
  }),
  current_login: askingStore(/\.current_login\(/, {
    call: (store) => store.currentLogin(),
    again: same({ login: "leasehold", isSuperuser: false }),
  }),
  learning_score_alarms: askingStore(/\.learning_score_alarms\(/, {
    call: (store) => store.scoreAlarms(),
    again: same([]),
  }),
  learning_recall_answer: askingStore(/\.learning_recall_answer\(/, {
    call: (store) => store.recallAnswer("0".repeat(64)),
    again: same(undefined),
  }),
  learning_health: askingStore(/\.learning_health\(/, {
    call: (store) => store.probeHealth(),
    again: same(expect.arrayContaining([{ check: "db_role", status: "ok", detail: null }])),
  }),
};
