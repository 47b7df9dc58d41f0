/** What a worker says of itself. */
export interface WorkerAccount {
  /** Fresh for every worker: names may come again. */
  readonly id: string;
  readonly name: string;
  /** Of this package. */
  readonly version: string;
  /** What it runs, as `type/version`. */
  readonly types: readonly string[];
  /** For each lane that it runs, by number, the resource it needs there, such as `host/model`, or null. */
  readonly lanes?: Readonly<Record<number, string | null>>;
  readonly slots: number;
  /** How often it says so. */
  readonly intervalMs: number;
  readonly inFlight: number;
  /** Adapters that did not obey their abort signal, since the start. */
  readonly abandoned: number;
  readonly isStopped: boolean;
}

/** How long jobs that ended are kept, in milliseconds. Undefined: for ever. */
export interface Retention {
  readonly completedMs?: number | undefined;
  readonly failedMs?: number | undefined;
  readonly deadMs?: number | undefined;
  readonly cancelledMs?: number | undefined;
}

/** How many jobs were deleted, by the state they had ended in. */
export interface PruneAnswer {
  readonly completed: number;
  readonly failed: number;
  readonly dead: number;
  readonly cancelled: number;
  /** There may be more of them at once. */
  readonly more: boolean;
}

/** What a worker does for the schema that changes no job's state. */
export interface WorkerUpkeep {
  noteWorker(account: WorkerAccount): Promise<void>;
  pruneJobs(retention: Retention): Promise<PruneAnswer>;
}
