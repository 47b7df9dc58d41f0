import type { PhaseProgress } from "./adapter.ts";
import type { CancelCode, WorkerErrorCode } from "./errors.ts";

/** Which attempt an event is about. Ids and words from code only: safe to log and to label with. */
export interface AttemptRef {
  readonly jobId: string;
  readonly type: string;
  readonly phase: string;
  readonly attempt: number;
}

/** What a worker tells. Names are `noun.past`; no event carries content. */
export type WorkerEvent =
  | { readonly name: "worker.started"; readonly worker: string }
  | { readonly name: "worker.stopping"; readonly worker: string; readonly inFlight: number }
  | { readonly name: "worker.stopped"; readonly worker: string }
  | {
      readonly name: "database.failed";
      readonly operation: string;
      readonly code: WorkerErrorCode;
    }
  | (AttemptRef & { readonly name: "job.claimed"; readonly solo: boolean })
  /** `trace` is the W3C `traceparent` that the job was enqueued with, if any. */
  | (AttemptRef & { readonly name: "phase.started"; readonly trace?: string })
  | (AttemptRef & { readonly name: "phase.progressed"; readonly progress: PhaseProgress })
  /**
   * The work of an attempt is over, well or, with a code, not well. What came of it is written down next, and told by the
   * event after this one.
   */
  | (AttemptRef & {
      readonly name: "phase.ended";
      readonly durationMs: number;
      readonly code?: WorkerErrorCode;
    })
  | (AttemptRef & { readonly name: "phase.completed"; readonly durationMs: number })
  /** The phase is done and the job waits in the next phase's lane, for this worker or another. */
  | (AttemptRef & { readonly name: "job.yielded"; readonly nextPhase: string })
  /** The phase cannot go on until a signal comes or children have ended; the lease and the slot are given back. */
  | (AttemptRef & { readonly name: "job.waiting"; readonly reason: "signal" | "children" })
  | (AttemptRef & { readonly name: "job.completed"; readonly durationMs: number })
  | (AttemptRef & {
      readonly name: "job.retried";
      readonly code: string;
      readonly retryInMs: number;
    })
  | (AttemptRef & {
      readonly name: "job.released";
      readonly reason: "outage" | "shutdown";
      readonly code: string;
      readonly retryInMs: number;
    })
  | (AttemptRef & { readonly name: "job.failed"; readonly code: string })
  | (AttemptRef & { readonly name: "job.dead"; readonly code: string })
  /** The job was ended on somebody's order while it ran here. The worker wrote nothing after. */
  | (AttemptRef & { readonly name: "job.cancelled"; readonly code: CancelCode })
  /** How this attempt ended came too late: the database refused to write it down. */
  | (AttemptRef & { readonly name: "write.refused" })
  /** The lease is gone: it lapsed, and may have been taken. The worker wrote nothing after. */
  | (AttemptRef & { readonly name: "lease.lost" })
  | { readonly name: "lease.renewed"; readonly count: number }
  /** The lease of a job was renewed for the first time: the job takes its time, and is kept from others. */
  | (AttemptRef & { readonly name: "renewal.started" })
  /** A lease of some dead worker ran out and its job waits again. */
  | (AttemptRef & { readonly name: "lease.lapsed" })
  /**
   * Too many adapters were left behind: the worker claims nothing more, lets its jobs end and stops. What they hold,
   * memory or connections, only the end of the process gives back.
   */
  | {
      readonly name: "worker.exhausted";
      readonly worker: string;
      readonly inFlight: number;
      readonly count: number;
    }
  /** The adapter did not obey its abort signal; its slot was given back without waiting for it. */
  | (AttemptRef & { readonly name: "adapter.abandoned" })
  /** This worker learned that a resource is away: nothing of it is claimed for so long at least. */
  | {
      readonly name: "resource.opened";
      readonly resource: string;
      readonly code: string;
      readonly waitMs: number;
    }
  /** The job of that id looks, in this worker, whether the resource is back. */
  | { readonly name: "resource.probed"; readonly resource: string; readonly probe: string }
  /** This worker learned that the resource is back. */
  | { readonly name: "resource.closed"; readonly resource: string };

export type WorkerEventName = WorkerEvent["name"];
export type WorkerEventListener = (event: WorkerEvent) => void;

/** Where events come from. A listener that throws is dropped for that event and disturbs nobody. */
export interface EventSource {
  /** Returns the function that ends the subscription. */
  subscribe(listener: WorkerEventListener): () => void;
}

export interface EventHub extends EventSource {
  emit(event: WorkerEvent): void;
}

export function createEventHub(): EventHub {
  const listeners = new Set<WorkerEventListener>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch {
          // An observer must not be able to fail a job.
        }
      }
    },
  };
}
