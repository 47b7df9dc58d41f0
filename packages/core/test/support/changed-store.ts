import { recordEvents } from "@leasehold/core/testing";

import { systemRuntime } from "../../src/runtime.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { createPostgresStore } from "../../src/store/postgres-store.ts";
import { parseWorkerSettings, type WorkerSettings } from "../../src/worker/config.ts";
import { assembleWorker } from "../../src/worker/worker.ts";
import type { TestServer } from "./server.ts";
import { essayOf, type Run, setupWorker, type WorkerSubject } from "./worker.ts";

export interface ChangedStoreOptions extends Partial<WorkerSettings> {
  readonly draft: Run;
  readonly grade?: Run;
  /** What is put over members of the real store: it loses answers, tells of calls, or more. */
  readonly change: (store: JobStore) => Partial<JobStore>;
}

/** A worker of essays whose store is not quite the real one. */
export async function setupWithStore(
  testServer: TestServer,
  { draft, grade, change, ...numbers }: ChangedStoreOptions,
): Promise<WorkerSubject> {
  const pipelines = [essayOf({ draft, ...(grade === undefined ? {} : { grade }) })];
  const subject = await setupWorker(testServer, { pipelines });
  const settings = parseWorkerSettings({ pollSeconds: 0.02, pollSecondsMax: 0.05, ...numbers });
  const connection = testServer.url;
  const name = "changed";
  const worker = assembleWorker({ connection, pipelines, name }, settings, {
    runtime: systemRuntime,
    openStore() {
      const { schema } = subject.database;
      const store = createPostgresStore({ connection, schema, name, connections: 2 });
      return { ...store, ...change(store) };
    },
  });
  return {
    ...subject,
    worker,
    recorder: recordEvents(worker),
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await subject[Symbol.asyncDispose]();
    },
  };
}
