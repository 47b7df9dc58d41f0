import { toWorkerError, WorkerError } from "../errors.ts";

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
/** Groups whose time tells what a member costs. */
const costsMax = 8;
/** More at a time would only wait for each other, for a connection or a processor. */
const groupsMax = 4;

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
 * succeed, up to what would take long, for the hook of each may do anything. What a member costs is judged by the
 * cheapest of the last groups: on a busy machine any of them may have waited for a processor, and smaller ones would only
 * cost more of it. After a failure, which their size may be the reason of, they begin anew.
 */
export function createCallGroups<Item, Answer>(
  options: CallGroupsOptions<Item, Answer>,
): (item: Item) => Promise<Answer> {
  const waiting: Waiting<Item, Answer>[] = [];
  let onTheirWay = 0;
  const { now = () => performance.now() } = options;
  let size = Math.min(firstSize, options.sizeMax);
  const costs: number[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const sendGroup = async (group: readonly Waiting<Item, Answer>[]): Promise<void> => {
    const sentAt = now();
    try {
      const answers = await options.send(group.map(({ item }) => item));
      costs.push((now() - sentAt) / group.length);
      if (costs.length > costsMax) costs.shift();
      size = Math.min(size * 2, options.sizeMax, Math.ceil(slowMs / Math.min(...costs)));
      for (const { item, resolve, reject } of group) {
        const answer = answers.get(item);
        if (answer === undefined) reject(unanswered());
        else resolve(answer);
      }
    } catch (error) {
      size = 1;
      const isAway = toWorkerError(error).code === "database_unavailable";
      if (group.length > 1 && !isAway) {
        for (const alone of group) await sendGroup([alone]);
        return;
      }
      // Nobody is there for those either who wait: all of them decide for themselves when to come again.
      const others = isAway ? waiting.splice(0) : [];
      for (const { reject } of [...group, ...others]) reject(error);
    }
  };

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    while (waiting.length > 0 && onTheirWay < groupsMax) {
      onTheirWay += 1;
      void sendGroup(waiting.splice(0, size)).then(() => {
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
