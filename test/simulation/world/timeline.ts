/** A process, as far as time is concerned. */
export interface EventOwner {
  readonly id: number;
  /** What a dead process waited for never happens. */
  readonly isAlive: boolean;
  /** Nothing happens in a stalled process until then. */
  readonly stalledUntil: number;
}

/** The virtual time of one simulation, and what is going to happen in it. */
export interface Timeline {
  /** Milliseconds since the beginning. */
  now(): number;
  /** Lets something happen later; without an owner it happens whatever becomes of the processes. */
  after(ms: number, run: () => void, owner?: EventOwner): ScheduledEvent;
  /** Lets the next event happen. Answers false when there is none before `until`. */
  step(until: number): boolean;
  /** Events that happened so far. */
  count(): number;
  /** Tells two runs apart that differ in what happened, when, where, or in what order. */
  hash(): number;
}

/** Something that is going to happen, unless it is cancelled. */
export interface ScheduledEvent {
  readonly cancel: () => void;
}

interface Entry {
  at: number;
  /** Which of two events of the same moment comes first. */
  order: number;
  run: (() => void) | undefined;
  readonly owner: EventOwner | undefined;
}

/** Makes a timeline on which nothing is going to happen yet. */
export function createTimeline(): Timeline {
  const heap: Entry[] = [];
  let now = 0;
  let order = 0;
  let count = 0;
  let hash = 0;

  /** Answers whether something happened, and not only had been going to. */
  const happen = (entry: Entry): boolean => {
    const { run, owner } = entry;
    if (run === undefined || owner?.isAlive === false) return false;
    if (owner !== undefined && owner.stalledUntil > entry.at) {
      entry.at = owner.stalledUntil;
      entry.order = order += 1;
      push(heap, entry);
      return false;
    }
    now = entry.at;
    count += 1;
    hash = Math.imul(hash ^ Math.round(now * 1_024), 0x01000193);
    hash = Math.imul(hash ^ entry.order ^ ((owner?.id ?? 0) << 20), 0x01000193);
    run();
    return true;
  };

  return {
    now: () => now,
    count: () => count,
    hash: () => hash >>> 0,
    after(ms, run, owner) {
      const entry: Entry = { at: now + Math.max(ms, 0), order: (order += 1), run, owner };
      push(heap, entry);
      return {
        cancel() {
          entry.run = undefined;
        },
      };
    },
    step(until) {
      for (;;) {
        const first = heap[0];
        if (first === undefined || first.at > until) return false;
        pop(heap);
        if (happen(first)) return true;
      }
    },
  };
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

function push(heap: Entry[], entry: Entry): void {
  let place = heap.length;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(entry, above)) break;
    heap[place] = above;
    place = parent;
  }
  heap[place] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    const right = heap[child + 1];
    let below = heap[child];
    if (below === undefined) break;
    if (right !== undefined && isBefore(right, below)) {
      below = right;
      child += 1;
    }
    if (!isBefore(below, last)) break;
    heap[place] = below;
    place = child;
  }
  heap[place] = last;
}
