/** What a worker says of itself. */
export interface WorkerAccount {
  /** Fresh for every worker: names may come again. */
  readonly id: string;
  readonly name: string;
  /** Of this package. */
  readonly version: string;
  /** What it runs, as `type/version`. */
  readonly types: readonly string[];
  readonly slots: number;
  /** How often it says so. */
  readonly intervalMs: number;
  readonly inFlight: number;
  /** Adapters that did not obey their abort signal, since the start. */
  readonly abandoned: number;
  readonly isStopped: boolean;
}

/** What a worker does for the schema that changes no job's state. */
export interface WorkerUpkeep {
  noteWorker(account: WorkerAccount): Promise<void>;
}
