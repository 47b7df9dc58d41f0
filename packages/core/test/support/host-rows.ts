import type { PhaseTransaction, Pipeline } from "@leasehold/core";
import type { TestRow } from "@leasehold/core/testing";

import type { TestServer } from "./server.ts";
import { type Phase, pipelineOf } from "./waiting.ts";
import { setupWorker, type WorkerSubject } from "./worker.ts";

/** An essay of these phases. */
export function essayOf(...phases: readonly Phase[]): Pipeline {
  return pipelineOf("essay", ...phases);
}

/** A worker beside a table of its host's. */
export interface HostSubject extends WorkerSubject {
  /** The host's table, in order. */
  rows(): Promise<readonly TestRow[]>;
}

/** A worker that runs a pipeline, and the table. */
export async function setupHost(server: TestServer, pipeline: Pipeline): Promise<HostSubject> {
  const subject = await setupWorker(server, { pipelines: [pipeline] });
  await subject.database.query(
    'create table :"schema".host_row (id integer generated always as identity, words text)',
  );
  return {
    ...subject,
    rows: () => subject.database.query('select words from :"schema".host_row order by id'),
  };
}

/** Writes a row of the host's, and each time another one. */
export async function write(
  transaction: PhaseTransaction,
  { schema }: { readonly schema: string },
  words: string,
): Promise<void> {
  const text = `insert into "${schema}".host_row (words) values ($1)`;
  await transaction.query(text, [words]);
}

/** Runs one essay to its end. */
export async function finish(subject: HostSubject, essay: Pipeline): Promise<string> {
  const { id } = await subject.client.enqueue(essay, { text: "Once." });
  await subject.worker.start();
  await subject.client.waitForJob(id);
  return id;
}

/** The rows that hold these words. */
export const words = (...all: readonly string[]): readonly TestRow[] =>
  all.map((one) => ({ words: one }));
