/** What a job carries: a number to know it by, and as much text as its payload is to be long. */
export interface BenchPayload {
  readonly n: number;
  readonly text: string;
}

/** `throughput` is a contender's best configuration; `single` claims one job and completes it before the next. */
export type WorkMode = "throughput" | "single";

export interface Enqueuer extends AsyncDisposable {
  addOne(payload: BenchPayload): Promise<void>;
  /** In one call. */
  addMany(payloads: readonly BenchPayload[]): Promise<void>;
}

/** Tells from outside whether everything is done. */
export interface Observer extends AsyncDisposable {
  isDone(): Promise<boolean>;
}

export interface WorkRequest {
  readonly url: string;
  readonly mode: WorkMode;
  /** Types that the worker could run as well, where a contender has such. Default: none. */
  readonly otherTypes?: readonly string[] | undefined;
  /** The job itself: it does nothing but count. */
  readonly onJob: (n: number) => void;
  /** Called when a completion is known to be committed. Not every contender can tell. */
  readonly onCompleted: () => void;
}

/** Stops a worker when it is disposed of. */
export type RunningWorker = AsyncDisposable;

/** One way to keep and work off jobs, as its makers would have it run. */
export interface Contender {
  readonly name: string;
  /** The schema that holds all of its tables. */
  readonly schema: string;
  /** Makes its tables in an empty database. */
  prepare(url: string): Promise<void>;
  openEnqueuer(url: string): Promise<Enqueuer>;
  openObserver(url: string): Promise<Observer>;
  startWorker(request: WorkRequest): Promise<RunningWorker>;
}
