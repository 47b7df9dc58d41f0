import type {
  Client,
  DeadLetterRecord,
  JobCause,
  JobPage,
  JobTimeline,
  LimitRecord,
  PauseRecord,
  QueueRecord,
  ResourceRecord,
  ThroughputRecord,
  WorkerRecord,
} from "@leasehold/core";

import type { ListSchedules, ScheduleListing } from "../console-options.ts";
import type { JobsQuery } from "./pieces.tsx";
import { createShared } from "./shared.ts";
import { type BacklogWatch, createBacklogWatch, type Watched } from "./watched.ts";

export type { ListSchedules, ScheduleListing } from "../console-options.ts";

/** What of core's client the page reads. It changes nothing: what operators do goes through the API. */
export type PageClient = Pick<
  Client,
  | "explain"
  | "getActions"
  | "getDeadLetters"
  | "getLimits"
  | "getPauses"
  | "getQueue"
  | "getResources"
  | "getThroughput"
  | "getTimeline"
  | "getWorkers"
  | "listJobs"
>;

export interface OverviewData {
  readonly queues: readonly QueueRecord[];
  readonly deadLetters: readonly DeadLetterRecord[];
  readonly workers: readonly WorkerRecord[];
  readonly resources: readonly ResourceRecord[];
  readonly pauses: readonly PauseRecord[];
  readonly throughput: readonly ThroughputRecord[];
  readonly schedules: readonly ScheduleListing[];
  /** The backlog as it was while somebody looked, from old to new. */
  readonly watched: readonly Watched[];
}

export interface QueuesData {
  readonly queues: readonly QueueRecord[];
  readonly pauses: readonly PauseRecord[];
  readonly limits: readonly LimitRecord[];
}

export interface JobData {
  readonly job: JobTimeline;
  readonly causes: readonly JobCause[];
}

/** What the views are made from. */
export interface PageSource {
  readonly client: PageClient;
  readOverview(now: Date): Promise<OverviewData>;
  readQueues(): Promise<QueuesData>;
  listJobs(query: JobsQuery): Promise<JobPage>;
  /** `undefined`: there is no such job. */
  readJob(id: string): Promise<JobData | undefined>;
  /** `undefined`: the host has none to show. */
  readonly listSchedules: ListSchedules | undefined;
}

const minutesShown = 60;
/** The history costs more than all the rest, and its newest minute is drawn a pixel higher at most. */
const throughputMs = 5_000;

/** Reads for the views. Looks at the same time share one reading where all see the same. */
export function createPageSource(
  client: PageClient,
  listSchedules: ListSchedules | undefined,
): PageSource {
  const watch: BacklogWatch = createBacklogWatch();
  const getThroughput = createShared(throughputMs, () => client.getThroughput(minutesShown));
  const readState = createShared(0, async () => {
    const [queues, deadLetters, workers, resources, pauses, throughput, schedules] =
      await Promise.all([
        client.getQueue(),
        client.getDeadLetters(),
        client.getWorkers(),
        client.getResources(),
        client.getPauses(),
        getThroughput(),
        listSchedules === undefined ? [] : listSchedules(),
      ]);
    return { queues, deadLetters, workers, resources, pauses, throughput, schedules };
  });
  return {
    client,
    listSchedules,
    async readOverview(now) {
      const state = await readState();
      return { ...state, watched: watch.add(now, state.queues) };
    },
    async readQueues() {
      const [queues, pauses, limits] = await Promise.all([
        client.getQueue(),
        client.getPauses(),
        client.getLimits(),
      ]);
      return { queues, pauses, limits };
    },
    async listJobs({ after, ...filter }) {
      return await client.listJobs(filter, after === undefined ? {} : { after });
    },
    async readJob(id) {
      const [job, causes] = await Promise.all([client.getTimeline(id), client.explain(id)]);
      return job === undefined ? undefined : { job, causes };
    },
  };
}
