import { toWorkerError, WorkerError } from "./errors.ts";

export interface CallGroupsOptions<Item, Answer> {
  /** Calls in one group at most. */
  readonly sizeMax: number;
  /** A call that comes while a group is on its way waits for its return, but not longer. */
  readonly waitMsMax: number;
  /** Answers every item. */
  send(items: readonly Item[]): Promise<ReadonlyMap<Item, Answer>>;
  /** Milliseconds on a clock that never goes back. Default: the process's. */
  readonly now?: () => number;
}

/** So many go together before anything is known of what they cost. */
const firstSize = 16;
/** A group that takes longer keeps locks, and its members waiting, for too long. */
const slowMs = 200;

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends calls that come together as one: what costs a transaction each costs one for all. A call that comes alone is
 * sent at once.
 *
 * A group that is refused is sent again one by one, so that nobody answers for his neighbour's fault. Groups grow as they
 * succeed and are halved when they take long, for the hook of each may do anything. After a failure, which their size may
 * be the reason of, they begin anew.
 */
export function createCallGroups<Item, Answer>(
  options: CallGroupsOptions<Item, Answer>,
): (item: Item) => Promise<Answer> {
  let waiting: Waiting<Item, Answer>[] = [];
  let onTheirWay = 0;
  const { now = () => performance.now() } = options;
  let size = Math.min(firstSize, options.sizeMax);
  let timer: ReturnType<typeof setTimeout> | undefined;

  const sendGroup = async (group: readonly Waiting<Item, Answer>[]): Promise<void> => {
    const sentAt = now();
    try {
      const answers = await options.send(group.map(({ item }) => item));
      const isSlow = now() - sentAt > slowMs;
      size = isSlow ? Math.ceil(group.length / 2) : Math.min(size * 2, options.sizeMax);
      for (const { item, resolve, reject } of group) {
        const answer = answers.get(item);
        if (answer === undefined) reject(unanswered());
        else resolve(answer);
      }
    } catch (error) {
      size = 1;
      const isRefused = group.length > 1 && toWorkerError(error).code !== "database_unavailable";
      if (isRefused) await Promise.all(group.map((alone) => sendGroup([alone])));
      else for (const { reject } of group) reject(error);
    }
  };

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const ready = waiting;
    waiting = [];
    for (let start = 0; start < ready.length; start += size) {
      onTheirWay += 1;
      void sendGroup(ready.slice(start, start + size)).then(() => {
        onTheirWay -= 1;
        if (waiting.length > 0) flush();
      });
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length > 1) return;
      // What comes in the same breath comes along.
      if (onTheirWay === 0) queueMicrotask(flush);
      else timer = setTimeout(flush, options.waitMsMax);
    });
}

function unanswered(): WorkerError {
  return new WorkerError("statement_failed", "Postgres did not answer one of several calls.");
}
