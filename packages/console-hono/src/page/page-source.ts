import type {
  DeadLetterRecord,
  JobCause,
  JobPage,
  JobProgress,
  JobTimeline,
  LimitRecord,
  PauseRecord,
  QueueRecord,
  ResourceRecord,
  ThroughputRecord,
  WorkerRecord,
} from "@leasehold/core";

import type {
  ListSchedules,
  ModelListing,
  ReadingClient,
  ScheduleListing,
} from "../console-options.ts";
import type { JobsQuery } from "./pieces.tsx";
import { type BacklogWatch, createBacklogWatch, type Watched } from "./watched.ts";

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

export interface ResourcesData {
  readonly resources: readonly ResourceRecord[];
  /** `undefined`: the host tells of none. `away`: whom it asks does not answer. */
  readonly models: readonly ModelListing[] | "away" | undefined;
}

export interface JobData {
  readonly job: JobTimeline;
  readonly causes: readonly JobCause[];
  /** Of one that runs and told something. */
  readonly progress: JobProgress | undefined;
}

/** What the views are made from. */
export interface PageSource {
  readonly client: ReadingClient;
  readOverview(now: Date): Promise<OverviewData>;
  readQueues(): Promise<QueuesData>;
  readResources(): Promise<ResourcesData>;
  listJobs(query: JobsQuery): Promise<JobPage>;
  /** `undefined`: there is no such job. */
  readJob(id: string): Promise<JobData | undefined>;
  /** `undefined`: the host has none to show. */
  readonly listSchedules: ListSchedules | undefined;
}

export interface PageSourceOptions {
  readonly client: ReadingClient;
  readonly listSchedules?: ListSchedules;
  readonly listModels?: () => Promise<readonly ModelListing[]>;
}

const minutesShown = 60;

/** Reads for the views. That many may look at once is for the client to bear: it is asked in the plainest way. */
export function createPageSource({
  client,
  listSchedules,
  listModels,
}: PageSourceOptions): PageSource {
  const watch: BacklogWatch = createBacklogWatch();
  return {
    client,
    listSchedules,
    async readOverview(now) {
      const [queues, deadLetters, workers, resources, pauses, throughput, schedules] =
        await Promise.all([
          client.getQueue(),
          client.getDeadLetters(),
          client.getWorkers(),
          client.getResources(),
          client.getPauses(),
          client.getThroughput(minutesShown),
          listSchedules === undefined ? [] : listSchedules(),
        ]);
      const watched = watch.add(now, queues);
      return { queues, deadLetters, workers, resources, pauses, throughput, schedules, watched };
    },
    async readQueues() {
      const [queues, pauses, limits] = await Promise.all([
        client.getQueue(),
        client.getPauses(),
        client.getLimits(),
      ]);
      return { queues, pauses, limits };
    },
    async readResources() {
      const [resources, models] = await Promise.all([
        client.getResources(),
        // The backend is what may be away here, and the view is there to tell so.
        listModels?.().catch(() => "away" as const),
      ]);
      return { resources, models };
    },
    async listJobs({ after, ...filter }) {
      return await client.listJobs(filter, after === undefined ? {} : { after });
    },
    async readJob(id) {
      const [job, causes] = await Promise.all([client.getTimeline(id), client.explain(id)]);
      if (job === undefined) return undefined;
      const progress = job.state === "leased" ? (await client.getJob(id))?.progress : undefined;
      return { job, causes, progress };
    },
  };
}
