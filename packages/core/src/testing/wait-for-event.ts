import type { EventSource, WorkerEvent, WorkerEventName } from "../events.ts";

/** The event of a name, with its fields. */
export type EventNamed<Name extends WorkerEventName> = Extract<
  WorkerEvent,
  { readonly name: Name }
>;

export interface WaitForEventOptions {
  /** Give it five times what is normal, since a test machine may be busy. Default: 10,000. */
  readonly timeoutMs?: number;
}

/** What a worker told since the recorder was made. */
export interface EventRecorder extends Disposable {
  /** In the order they came. */
  readonly events: readonly WorkerEvent[];
  /** Their names, for an assertion on the whole story. */
  names(): readonly WorkerEventName[];
  /** Resolves with the first event of this name, also one that was told before. */
  waitFor<Name extends WorkerEventName>(
    name: Name,
    options?: WaitForEventOptions,
  ): Promise<EventNamed<Name>>;
  /** Resolves with the first event that fits, also one that was told before. */
  waitFor(
    predicate: (event: WorkerEvent) => boolean,
    options?: WaitForEventOptions,
  ): Promise<WorkerEvent>;
}

/**
 * Waits for the next event of a name, and rejects when it does not come in time.
 *
 * @example
 * const { jobId } = await waitForEvent(worker, "job.completed");
 */
export function waitForEvent<Name extends WorkerEventName>(
  source: EventSource,
  name: Name,
  options?: WaitForEventOptions,
): Promise<EventNamed<Name>>;
/** Waits for the next event that fits, and rejects when it does not come in time. */
export function waitForEvent(
  source: EventSource,
  predicate: (event: WorkerEvent) => boolean,
  options?: WaitForEventOptions,
): Promise<WorkerEvent>;
export async function waitForEvent(
  source: EventSource,
  wanted: Wanted,
  options: WaitForEventOptions = {},
): Promise<WorkerEvent> {
  using recorder = createRecorder(source);
  return await recorder.find(wanted, options);
}

/** Keeps what a worker tells, until it is disposed. Start it before what it should see. */
export function recordEvents(source: EventSource): EventRecorder {
  const { find, ...recorder } = createRecorder(source);
  function waitFor<Name extends WorkerEventName>(
    name: Name,
    options?: WaitForEventOptions,
  ): Promise<EventNamed<Name>>;
  function waitFor(
    predicate: (event: WorkerEvent) => boolean,
    options?: WaitForEventOptions,
  ): Promise<WorkerEvent>;
  function waitFor(wanted: Wanted, options: WaitForEventOptions = {}): Promise<WorkerEvent> {
    return find(wanted, options);
  }
  return { ...recorder, waitFor };
}

type Wanted = WorkerEventName | ((event: WorkerEvent) => boolean);

interface Recorder extends Omit<EventRecorder, "waitFor"> {
  readonly find: (wanted: Wanted, options: WaitForEventOptions) => Promise<WorkerEvent>;
}

function createRecorder(source: EventSource): Recorder {
  const events: WorkerEvent[] = [];
  const watchers = new Set<() => void>();
  const end = source.subscribe((event) => {
    events.push(event);
    for (const look of watchers) look();
  });
  const names = (): readonly WorkerEventName[] => events.map(({ name }) => name);
  return {
    events,
    names,
    async find(wanted, { timeoutMs = 10_000 }) {
      const fits = typeof wanted === "function" ? wanted : hasName(wanted);
      const { promise, resolve, reject } = Promise.withResolvers<WorkerEvent>();
      let looked = 0;
      const look = (): void => {
        try {
          for (; looked < events.length; looked += 1) {
            const event = events[looked];
            if (event !== undefined && fits(event)) resolve(event);
          }
        } catch (error) {
          // Whoever emits must not hear of it; whoever waits must.
          reject(error);
        }
      };
      const timer = setTimeout(() => {
        const what = typeof wanted === "function" ? "No such event" : `No "${wanted}"`;
        reject(new Error(`${what} within ${timeoutMs} ms; seen: ${names().join(", ") || "none"}.`));
      }, timeoutMs);
      watchers.add(look);
      look();
      try {
        return await promise;
      } finally {
        watchers.delete(look);
        clearTimeout(timer);
      }
    },
    [Symbol.dispose]: end,
  };
}

function hasName(name: WorkerEventName): (event: WorkerEvent) => boolean {
  return (event) => event.name === name;
}
