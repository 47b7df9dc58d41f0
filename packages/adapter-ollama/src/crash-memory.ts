import { createHash } from "node:crypto";

import { ModelError } from "@leasehold/model";

/** Remembers which requests the model's process died of. */
export interface CrashMemory {
  /** Notes a crash and answers how often this request was there when one happened. */
  add(body: object): number;
  forget(body: object): void;
}

/** Requests that are remembered. A server that dies of more has another trouble than its requests. */
const requestsMax = 1_000;

/** Starts with none. It keeps hashes, and nothing of what was asked. */
export function createCrashMemory(): CrashMemory {
  const crashes = new Map<string, number>();
  return {
    add(body) {
      const key = toKey(body);
      const count = (crashes.get(key) ?? 0) + 1;
      // As the latest: the oldest is dropped first.
      crashes.delete(key);
      crashes.set(key, count);
      const [oldest] = crashes.keys();
      if (crashes.size > requestsMax && oldest !== undefined) crashes.delete(oldest);
      return count;
    },
    forget(body) {
      crashes.delete(toKey(body));
    },
  };
}

/**
 * Pictures tell requests apart, and where there are none the words; a seed does not, which is new at each attempt.
 *
 * So are the marks that a program puts around a learner's text: such a request is not known again.
 */
function toKey(body: object): string {
  const { messages = [] } = body as {
    readonly messages?: readonly {
      readonly content: string;
      readonly images?: readonly string[];
    }[];
  };
  const images = messages.flatMap((message) => message.images ?? []);
  const subject = images.length > 0 ? images : messages.map(({ content }) => content);
  return createHash("sha256").update(JSON.stringify(subject)).digest("hex");
}

/** How often a request may be there when the model's process dies, before it is suspected. */
export const crashesMax = 2;

/** Whether the model's process died, of whatever. */
export function isCrash(thrown: unknown): thrown is ModelError {
  return (
    ModelError.is(thrown, "backend_failed") &&
    (thrown.adapterCode === "runner_crashed" || thrown.adapterCode === "out_of_memory")
  );
}

/** The server is well and dies of this request alone: the job's own fault, which no retry mends. */
export function toPoisonError(resource: string): ModelError {
  return new ModelError(
    "input_corrupt",
    `Ollama (${resource}): the process that runs the model died of this request ${crashesMax} times, and of no other.`,
    { scope: "job", retryable: false, adapterCode: "input_crashes_model" },
  );
}
