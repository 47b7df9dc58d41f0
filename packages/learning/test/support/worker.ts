import { type AdapterV1, createWorker, type Worker } from "@leasehold/core";
import { type EventRecorder, recordEvents } from "@leasehold/core/testing";

import type { FeedbackFallback } from "../../src/feedback-phase.ts";
import { createSubmissionAdapter } from "../../src/submission-adapter.ts";
import { submissionPipeline } from "../../src/submission-pipeline.ts";
import { createFakeModel, type FakeModel, type Say, sayWhatFits } from "./fake-model.ts";
import { createFakeUpload, picture } from "./fake-upload.ts";
import { type Learning, type Submitted, useLearning } from "./learning.ts";

/** A database of submissions, two models that say what a test wants, and workers on demand. */
export interface WorkerFixture extends Learning {
  readonly vision: FakeModel;
  readonly feedback: FakeModel;
  /** An upload of as many pictures as there are pages. */
  submitFile(): Promise<Submitted>;
  /** One more worker, running. */
  start(): Promise<Running>;
}

export interface Running extends AsyncDisposable {
  readonly worker: Worker;
  readonly story: EventRecorder;
}

export interface WorkerOptions {
  readonly say?: Say;
  readonly adapter?: AdapterV1;
  /** Default: 3. */
  readonly pages?: number;
  /** Default: none, so that a refused answer is a failure. */
  readonly feedbackFallbacks?: readonly FeedbackFallback[];
}

/** Gives each test of a file a fixture on the same database, emptied. */
export function useWorkers(): (options?: WorkerOptions) => Promise<WorkerFixture> {
  const open = useLearning();
  return async (options = {}) => await setup(await open(), options);
}

async function setup(learning: Learning, options: WorkerOptions): Promise<WorkerFixture> {
  const { say = sayWhatFits, adapter, pages = 3, feedbackFallbacks = [] } = options;
  const vision = createFakeModel({ name: "eye", say });
  const feedback = createFakeModel({ name: "judge", say });
  const { storage, media, recorded } = createFakeUpload(
    Array.from({ length: pages }, (_, index) => picture(index + 1)),
  );
  const models = { vision, feedback, storage, media, feedbackFallbacks };
  return {
    ...learning,
    vision,
    feedback,
    submitFile: () =>
      learning.submit({
        student_sub: "ada",
        kind: "file",
        storage_key: recorded.storageKey,
        mime_type: recorded.mediaType,
        size_bytes: recorded.bytes,
        sha256: recorded.sha256,
        criteria: ["Inhalt", "Sprache"],
      }),
    async start() {
      const worker = createWorker({
        connection: learning.url,
        pipelines: [submissionPipeline],
        adapters: [adapter ?? createSubmissionAdapter({ name: "two", version: "1", ...models })],
        // A worker that holds a job must not be the one that takes it over.
        concurrency: 1,
        graceSeconds: 0,
        abandonSeconds: 0.1,
      });
      const story = recordEvents(worker);
      await worker.start();
      return { worker, story, [Symbol.asyncDispose]: () => worker.stop() };
    },
  };
}

/** The page that a request is about, or none. */
export function pageOf(messages: Parameters<Say>[0]["messages"]): number | undefined {
  return messages.flatMap(({ images = [] }) => images)[0]?.bytes[2];
}

/** Pages in the order in which a model was asked for them. */
export function pagesOf({ requests }: FakeModel): readonly (number | undefined)[] {
  return requests.map(({ messages }) => pageOf(messages));
}

/** Whose fault it is when a backend is away. */
export const outage = { scope: "backend", retryable: true } as const;
