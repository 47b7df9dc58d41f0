import { toWorkerError } from "../errors.ts";
import type { EventHub } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { WorkerAccount, WorkerUpkeep } from "../store/upkeep.ts";
import type { Duty } from "./maintenance.ts";

export interface RegistryOptions {
  readonly upkeep: Pick<WorkerUpkeep, "noteWorker">;
  readonly runtime: Runtime;
  readonly events: EventHub;
  readonly about: Omit<WorkerAccount, "id" | "inFlight" | "abandoned" | "isStopped">;
  readonly inFlight: () => number;
}

/** Tells the database that this worker is there, so that people see who works. Nothing depends on it. */
export interface WorkerRegistry {
  readonly duty: Duty;
  start(): void;
  /** The last word. Never rejects. */
  stop(): Promise<void>;
}

/** A row per worker is not worth a statement in each round. */
export const roundsPerNote = 3;

export function createWorkerRegistry(options: RegistryOptions): WorkerRegistry {
  const { upkeep, runtime, events, about, inFlight } = options;
  const id = runtime.uuid();
  const operation = "note_worker";
  let abandoned = 0;
  const unsubscribe = events.subscribe(({ name }) => {
    if (name === "adapter.abandoned") abandoned += 1;
  });
  // One after the other, so that the last word is the last.
  let said: Promise<void> = Promise.resolve();
  const note = (isStopped: boolean): Promise<void> => {
    const next = said.then(() =>
      upkeep.noteWorker({ ...about, id, inFlight: inFlight(), abandoned, isStopped }),
    );
    said = next.catch(() => undefined);
    return next;
  };
  const tellFailure = (error: unknown): void =>
    events.emit({ name: "database.failed", operation, code: toWorkerError(error).code });
  return {
    duty: { operation, everyRounds: roundsPerNote, run: () => note(false) },
    start: () => void note(false).catch(tellFailure),
    async stop() {
      unsubscribe();
      await note(true).catch(tellFailure);
    },
  };
}
