import type { Acting } from "@leasehold/core";

import type { ConsoleClient } from "../../src/index.ts";

/** A client without a database: it answers nothing found, or what a test says, and counts what it is asked. */
export interface FakeClient extends ConsoleClient {
  readonly asked: string[];
}

export function createFakeClient(answers: Partial<ConsoleClient> = {}): FakeClient {
  const asked: string[] = [];
  const answer =
    <Value>(name: string, value: Value): (() => Promise<Value>) =>
    async () => {
      asked.push(name);
      return value;
    };
  const report = { matched: 3, requeued: 3, conflicted: 0, refused: 0 };
  const acts = {
    cancel: answer("cancel", "ok"),
    requeue: answer("requeue", "ok"),
    replay: answer("replay", "ok"),
    resolve: answer("resolve", "ok"),
    requeueAll: answer("requeueAll", report),
    pause: answer("pause", "ok"),
    resume: answer("resume", "ok"),
    openBreaker: answer("openBreaker", "ok"),
    closeBreaker: answer("closeBreaker", "ok"),
  };
  return {
    asked,
    explain: answer("explain", [
      { cause: "due", sentence: "Nothing.", blocker: undefined, until: undefined },
    ]),
    getActions: answer("getActions", []),
    getDeadLetters: answer("getDeadLetters", []),
    getJob: answer("getJob", undefined),
    getLimits: answer("getLimits", []),
    getPauses: answer("getPauses", []),
    getQueue: answer("getQueue", []),
    getResources: answer("getResources", []),
    getThroughput: answer("getThroughput", []),
    getTimeline: answer("getTimeline", undefined),
    getWorkers: answer("getWorkers", []),
    listJobs: answer("listJobs", { jobs: [], next: undefined }),
    noteAction: answer("noteAction", undefined),
    requeueAll: answer("count", report),
    revealJob: answer("revealJob", undefined),
    noted: () => acts as unknown as Acting,
    ...answers,
  };
}
