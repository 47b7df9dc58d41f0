import type { PauseScope } from "@leasehold/core";

import type {
  ConsoleClient,
  ConsoleOptions,
  ListSchedules,
  ModelListing,
  WarmResource,
} from "./console-options.ts";
import { createGate } from "./gate.ts";
import {
  findHiddenScope,
  hideTenantOfAction,
  hideTenantOfCause,
  hideTenantOfLimit,
  hideTenantOfPause,
} from "./hidden-tenants.ts";
import { createSharedCall } from "./shared-call.ts";
import { showTimeline } from "./shown-timeline.ts";

/** Everything the console asks of the host and of Postgres, each call with a deadline and a place in a bounded crowd. */
export interface BoundedClient extends ConsoleClient {
  readonly listSchedules: ListSchedules | undefined;
  readonly listModels: (() => Promise<readonly ModelListing[]>) | undefined;
  /** What is paused under a scope as it is shown, in which a tenant has no name. */
  findPaused(scope: PauseScope): Promise<PauseScope>;
  /** The signal aborts at the deadline. */
  readonly warmResource: ((name: string) => ReturnType<WarmResource>) | undefined;
}

/** A call of the console's, to Postgres mostly; more are told to come back. */
const callsMax = 32;
const deadlineMsDefault = 5_000;
/** What changes something is waited for longer: whether it was done is worth knowing. */
const actDeadlineMs = 15_000;
/** Many jobs, in batches of a hundred. */
const manyDeadlineMs = 60_000;
/** The history costs more than all the rest, and has a minute for its unit. */
const throughputKeptMs = 2_000;
/** A backend has better things to do than to tell of itself. */
const modelsKeptMs = 10_000;

/**
 * Bounds what the console asks: a database that is slow or dead answers late or never, and must not collect calls.
 *
 * What everybody sees alike is asked for once at a time; whoever acts sees the state after that. Tenants are unnamed.
 */
export function createBoundedClient(options: ConsoleOptions): BoundedClient {
  const { client, listSchedules, listModels, warmResource } = options;
  const { deadlineMs = deadlineMsDefault } = options;
  const gate = createGate(callsMax);
  const read = <Value>(run: () => Promise<Value>): Promise<Value> => gate.pass(deadlineMs, run);
  const share = <Value>(run: () => Promise<Value>, keptMs = 0): (() => Promise<Value>) => {
    const shared = createSharedCall(keptMs, () => read(run));
    forgets.push(() => shared.forget());
    return shared;
  };
  const forgets: (() => void)[] = [];
  const act = async <Value>(run: () => Promise<Value>, ms = actDeadlineMs): Promise<Value> => {
    try {
      return await gate.pass(ms, run);
    } finally {
      for (const forget of forgets) forget();
    }
  };
  const throughputs = new Map<
    number,
    () => Promise<Awaited<ReturnType<typeof client.getThroughput>>>
  >();
  return {
    explain: async (id) => (await read(() => client.explain(id))).map(hideTenantOfCause),
    getActions: async (page) => (await read(() => client.getActions(page))).map(hideTenantOfAction),
    getJob: (id) => read(() => client.getJob(id)),
    getDeadLetters: share(() => client.getDeadLetters()),
    getLimits: share(async () => (await client.getLimits()).map(hideTenantOfLimit)),
    getPauses: share(async () => (await client.getPauses()).map(hideTenantOfPause)),
    findPaused: async (scope) => findHiddenScope(scope, await read(() => client.getPauses())),
    getQueue: share(() => client.getQueue()),
    getResources: share(() => client.getResources()),
    async getTimeline(id) {
      const timeline = await read(() => client.getTimeline(id));
      return timeline && showTimeline(timeline);
    },
    getWorkers: share(() => client.getWorkers()),
    listJobs: (filter, page) => read(() => client.listJobs(filter, page)),
    getThroughput(minutes = 60) {
      const shared =
        throughputs.get(minutes) ?? share(() => client.getThroughput(minutes), throughputKeptMs);
      throughputs.set(minutes, shared);
      return shared();
    },
    listModels:
      listModels && createSharedCall(modelsKeptMs, () => gate.pass(deadlineMs, listModels)),
    listSchedules: listSchedules && share(listSchedules),
    warmResource:
      warmResource && ((name) => gate.pass(manyDeadlineMs, (signal) => warmResource(name, signal))),
    revealJob: (id, by) => act(() => client.revealJob(id, by)),
    noteAction: (note, outcome) => act(() => client.noteAction(note, outcome)),
    requeueAll: (filter, how) => read(() => client.requeueAll(filter, how)),
    noted(note) {
      const noted = client.noted(note);
      return {
        ...noted,
        cancel: (id) => act(() => noted.cancel(id)),
        requeue: (id) => act(() => noted.requeue(id)),
        requeueAll: (filter, how) => act(() => noted.requeueAll(filter, how), manyDeadlineMs),
        replay: (id, phase) => act(() => noted.replay(id, phase)),
        resolve: (id, reason) => act(() => noted.resolve(id, reason)),
        pause: (scope, how) => act(() => noted.pause(scope, how)),
        resume: (scope) => act(() => noted.resume(scope)),
        openBreaker: (name, how) => act(() => noted.openBreaker(name, how)),
        closeBreaker: (name) => act(() => noted.closeBreaker(name)),
      };
    },
  };
}
