import type {
  ActionRecord,
  CountedJob,
  DeadLetterRecord,
  JobRecord,
  JobTimeline,
  QueueRecord,
  ResourceRecord,
  ThroughputRecord,
  WorkerRecord,
} from "@leasehold/core";
import { Hono } from "hono";

import type {
  ListSchedules,
  ModelListing,
  ReadingClient,
  ScheduleListing,
} from "../src/console-options.ts";
import type { AuthorizeOperator, OperatorRole } from "../src/index.ts";
import { createPageRoutes } from "../src/page/page-routes.tsx";

export const jobId = "0f8fad5b-d9cb-469f-a165-70867728950e";

const minute = 60_000;
const ago = (ms: number): Date => new Date(Date.now() - ms);

export const queues: readonly QueueRecord[] = [
  queueOf("due", 412, { p95AgeSeconds: 84, oldestAgeSeconds: 131, highRetryCount: 3 }),
  queueOf("leased", 4),
  queueOf("delayed", 37),
  queueOf("waiting", 2),
  queueOf("due", 6, { type: "mail.digest", queue: "mail", p95AgeSeconds: 2, oldestAgeSeconds: 3 }),
];

function queueOf(
  state: QueueRecord["state"],
  count: number,
  more: Partial<QueueRecord> = {},
): QueueRecord {
  return {
    queue: "default",
    type: "learning.submission",
    state,
    count,
    highRetryCount: 0,
    outageCount: 0,
    p95AgeSeconds: undefined,
    oldestAgeSeconds: undefined,
    ...more,
  };
}

export const deadLetters: readonly DeadLetterRecord[] = [
  {
    queue: "default",
    type: "learning.submission",
    phase: "vision",
    state: "dead",
    code: "output_invalid",
    count: 12,
    firstAt: ago(300 * minute),
    lastAt: ago(4 * minute),
    sampleId: jobId,
  },
  {
    queue: "mail",
    type: "mail.digest",
    phase: "send",
    state: "failed",
    code: "smtp_refused",
    count: 1,
    firstAt: ago(2_000 * minute),
    lastAt: ago(2_000 * minute),
    sampleId: jobId,
  },
];

export const workers: readonly WorkerRecord[] = [
  {
    id: "a",
    name: "gpu-1:4711:0f8fad5b",
    state: "live",
    version: "0.1.0",
    types: ["learning.submission/1", "mail.digest/1"],
    slots: 4,
    inFlight: 3,
    abandoned: 0,
    startedAt: ago(4_000 * minute),
    seenAt: ago(6_000),
    stoppedAt: undefined,
  },
  {
    id: "b",
    name: "gpu-2:99:77aa01ff",
    state: "silent",
    version: "0.1.0",
    types: ["learning.submission/1"],
    slots: 4,
    inFlight: 1,
    abandoned: 1,
    startedAt: ago(900 * minute),
    seenAt: ago(5 * minute),
    stoppedAt: undefined,
  },
];

export const resources: readonly ResourceRecord[] = [
  {
    name: "ollama.local/llava:7b",
    concurrency: 1,
    state: "open",
    code: "backend_unreachable",
    openUntil: new Date(Date.now() + 25_000),
    outages: 3,
    leased: 0,
    places: 0,
    probe: undefined,
    changedAt: ago(3 * minute),
  },
  {
    name: "ollama.local/qwen3:8b",
    concurrency: 4,
    state: "closed",
    code: undefined,
    openUntil: undefined,
    outages: 1,
    leased: 1,
    places: 1,
    probe: undefined,
    changedAt: ago(40 * minute),
  },
];

export const throughput: readonly ThroughputRecord[] = Array.from({ length: 60 }, (_, index) => ({
  minute: ago((59 - index) * minute),
  started: 20,
  completed: Math.round(14 + 10 * Math.sin(index / 7) + (index % 3)),
  failed: index % 17 === 0 ? 1 : 0,
  dead: index > 52 ? 2 : 0,
  cancelled: 0,
  isWhole: true,
}));

const listing: CountedJob = {
  id: jobId,
  type: "learning.submission",
  version: 1,
  queue: "default",
  priority: 5,
  state: "dead",
  phase: "vision",
  attempt: 4,
  code: "output_invalid",
  worker: "gpu-1:4711:0f8fad5b",
  failures: 4,
  losses: 0,
  outages: 1,
  createdAt: ago(20 * minute),
  dueAt: undefined,
  leasedUntil: undefined,
  finishedAt: ago(4 * minute),
  waitsFor: undefined,
};

export const jobs: readonly CountedJob[] = [
  listing,
  {
    ...listing,
    id: "16fd2706-8baf-433b-82eb-8c7fada847da",
    state: "leased",
    phase: "feedback",
    code: undefined,
    failures: 0,
    finishedAt: undefined,
  },
  {
    ...listing,
    id: "6fa459ea-ee8a-3ca4-894e-db77e160355e",
    state: "queued",
    worker: undefined,
    code: "backend_timeout",
    failures: 1,
    finishedAt: undefined,
    dueAt: new Date(Date.now() + 40_000),
  },
  {
    ...listing,
    id: "7fa459ea-ee8a-3ca4-894e-db77e160355e",
    state: "completed",
    phase: "feedback",
    code: undefined,
    failures: 0,
  },
];

export const timeline: JobTimeline = {
  ...listing,
  startBy: undefined,
  endBy: undefined,
  parent: undefined,
  openChildren: 0,
  failedChildren: 0,
  phases: [
    {
      phase: "prepare",
      attempts: 1,
      failures: 0,
      losses: 0,
      outages: 0,
      code: undefined,
      parts: 3,
      savedAt: ago(19 * minute),
      isSkipped: false,
      provenance: {
        adapter: "ollama@0.1.0",
        model: "qwen3:8b",
        digest: "sha256:500a1f067a9f",
        options: { temperature: 0, numCtx: 8192 },
      },
    },
    {
      phase: "vision",
      attempts: 4,
      failures: 4,
      losses: 0,
      outages: 1,
      code: "output_invalid",
      parts: 0,
      savedAt: undefined,
      isSkipped: false,
      provenance: undefined,
    },
  ],
  attempts: [
    attemptOf("prepare", 1, { outcome: "completed", from: 20, to: 19 }),
    attemptOf("vision", 1, { outcome: "released", code: "backend_timeout", from: 18, to: 17 }),
    attemptOf("vision", 2, { outcome: "retried", code: "output_invalid", from: 15, to: 14 }),
    attemptOf("vision", 3, { outcome: "retried", code: "output_invalid", from: 11, to: 10.2 }),
    attemptOf("vision", 4, { outcome: "failed", code: "output_invalid", from: 5, to: 4 }),
  ],
  signals: [],
  children: [],
};

interface Ran {
  readonly outcome: string;
  readonly code?: string;
  readonly from: number;
  readonly to: number;
}

function attemptOf(
  phase: string,
  attempt: number,
  { outcome, code, from, to }: Ran,
): JobTimeline["attempts"][number] {
  return {
    phase,
    attempt,
    outcome,
    code,
    worker: "gpu-1:4711:0f8fad5b",
    startedAt: ago(from * minute),
    finishedAt: ago(to * minute),
  };
}

const running: JobRecord = {
  ...listing,
  state: "leased",
  message: undefined,
  attempts: [],
  progress: {
    stage: "decoding",
    partsDone: 7,
    partsTotal: 12,
    tokens: 1_234,
    toldAt: ago(2_000),
  },
};

export const models: readonly ModelListing[] = [
  {
    host: "gpu-1:11434",
    model: "llava:7b",
    isWarm: true,
    bytes: 4_700_000_000,
    gpuBytes: 2_900_000_000,
    contextLength: 8_192,
    swaps: 3,
    tokensPerSecond: 41.3,
  },
  { host: "gpu-1:11434", model: "qwen3:8b", isWarm: false, bytes: 5_200_000_000 },
];

const action: ActionRecord = {
  number: "1",
  id: "9fa459ea-ee8a-3ca4-894e-db77e160355e",
  at: ago(9 * minute),
  operator: "ada",
  login: "leasehold",
  action: "job.requeue",
  target: jobId,
  reason: "The model is back",
  outcome: "ok",
  jobs: 1,
};

export const schedules: readonly ScheduleListing[] = [
  {
    name: "digest",
    cron: "30 6 * * MON-FRI",
    timeZone: "Europe/Berlin",
    type: "mail.digest",
    queue: "mail",
    enabled: true,
    nextSlotAt: new Date(Date.now() + 600 * minute),
    lastSlotAt: ago(800 * minute),
    warning: undefined,
  },
];

/** Answers what a busy installation would. */
export function createFakeClient(changes: Partial<ReadingClient> = {}): ReadingClient {
  return {
    getJob: async () => running,
    getQueue: async () => queues,
    getDeadLetters: async () => deadLetters,
    getWorkers: async () => workers,
    getResources: async () => resources,
    getThroughput: async () => throughput,
    getActions: async () => [action],
    getPauses: async () => [
      {
        scope: { queue: "mail" },
        reason: "The relay is down",
        pausedBy: "leasehold",
        pausedAt: ago(50 * minute),
      },
    ],
    getLimits: async () => [
      { scope: { tenant: "*" }, concurrencyMax: 3, fair: false, running: 4 },
      { scope: { queue: "default" }, rate: { max: 100, windowMs: minute }, fair: true, running: 4 },
    ],
    listJobs: async () => ({ jobs, next: '{"jobId":17}' }),
    getTimeline: async (id) => (id === jobId ? timeline : undefined),
    explain: async () => [
      {
        cause: "dead",
        sentence:
          "It is dead since 2026-11-22 15:50:41 UTC, in phase vision, with the code output_invalid: requeue_job gives it a new start.",
        blocker: "output_invalid",
        until: undefined,
      },
    ],
    ...changes,
  };
}

export interface PageOptions {
  readonly client?: Partial<ReadingClient>;
  readonly roles?: readonly OperatorRole[];
  readonly schedules?: ListSchedules;
  readonly operator?: AuthorizeOperator;
  readonly models?: () => Promise<readonly ModelListing[]>;
  readonly challenge?: string;
  readonly prefix?: string;
}

/** An app that has the page somewhere. */
export function mountPage(options: PageOptions = {}): Hono {
  const { client, roles = ["read", "act", "reveal"], prefix = "/console" } = options;
  const { operator = () => ({ name: "ada", roles }) } = options;
  const app = new Hono();
  const routes = createPageRoutes({
    client: createFakeClient(client),
    authorize: operator,
    listModels: options.models ?? (async () => models),
    mayWarm: true,
    ...(options.challenge === undefined ? {} : { challenge: options.challenge }),
    listSchedules: options.schedules ?? (async () => schedules),
  });
  app.route(prefix, routes);
  return app;
}
