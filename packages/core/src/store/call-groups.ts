import { toWorkerError, WorkerError } from "../errors.ts";

export interface CallGroupsOptions<Item, Answer> {
  /** Calls in one group at most. */
  readonly sizeMax: number;
  /** A call that comes while a group is on its way waits for its return, but not longer. */
  readonly waitMsMax: number;
  readonly send: SendGroup<Item, Answer>;
  /** Milliseconds on a clock that never goes back. Default: the process's. */
  readonly now?: () => number;
}

/** Answers every item. */
type SendGroup<Item, Answer> = (items: readonly Item[]) => Promise<ReadonlyMap<Item, Answer>>;

/** Answers every item, and whoever takes them along. */
type SendAlong<Item, Answer, Other> = (
  items: readonly Item[],
) => Promise<readonly [answers: ReadonlyMap<Item, Answer>, other: Other]>;

export interface CallGroups<Item, Answer> {
  readonly call: (item: Item) => Promise<Answer>;
  /**
   * Takes those who wait along with somebody else's call, as one transaction. Answers undefined when he has to call by
   * himself: nobody waits, or many, or what they want takes long, or both together were refused. Rejects when nobody was
   * there.
   */
  readonly takeAlong: <Other>(send: SendAlong<Item, Answer, Other>) => Promise<Other | undefined>;
}

/** So many go together before anything is known of what they cost. */
const firstSize = 16;
/** A group that takes longer keeps locks, and its members waiting, for too long. */
const slowMs = 200;
/** Groups whose time tells what a member costs. */
const costsMax = 8;
/** More at a time would only wait for each other, for a connection or a processor. */
const groupsMax = 4;
/** Whoever takes others along waits for them: not for more than these, and no longer. */
const alongMax = 16;
const alongMs = 10;

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends calls that come together as one: what costs a transaction each costs one for all. A call that comes alone is
 * sent with the next turn of the loop, unless somebody takes it along.
 *
 * A group that is refused is sent again one by one, so that nobody answers for his neighbour's fault. Groups grow as they
 * succeed, up to what would take long, for the hook of each may do anything. What a member costs is judged by the
 * cheapest of the last groups: on a busy machine any of them may have waited for a processor, and smaller ones would only
 * cost more of it. After a failure, which their size may be the reason of, they begin anew.
 */
export function createCallGroups<Item, Answer>(
  options: CallGroupsOptions<Item, Answer>,
): CallGroups<Item, Answer> {
  const { send: sendThem, sizeMax, waitMsMax, now = () => performance.now() } = options;
  const waiting: Waiting<Item, Answer>[] = [];
  let onTheirWay = 0;
  let size = Math.min(firstSize, sizeMax);
  const costs: number[] = [];
  let cancelFlush: (() => void) | undefined;

  const sendGroup = async (
    group: readonly Waiting<Item, Answer>[],
    send: SendGroup<Item, Answer>,
  ): Promise<void> => {
    const sentAt = now();
    try {
      const answers = await send(group.map(({ item }) => item));
      costs.push((now() - sentAt) / group.length);
      if (costs.length > costsMax) costs.shift();
      size = Math.min(size * 2, sizeMax, Math.ceil(slowMs / Math.min(...costs)));
      deal(group, answers);
    } catch (error) {
      size = 1;
      const isShared = group.length > 1 || send !== sendThem;
      if (isShared && !isAway(error)) {
        for (const alone of group) await sendGroup([alone], sendThem);
        return;
      }
      // Nobody is there for those either who wait: all of them decide for themselves when to come again.
      const others = isAway(error) ? waiting.splice(0) : [];
      for (const { reject } of [...group, ...others]) reject(error);
    }
  };

  const start = (count: number, send: SendGroup<Item, Answer>): void => {
    onTheirWay += 1;
    void sendGroup(waiting.splice(0, count), send).then(() => {
      onTheirWay -= 1;
      if (waiting.length > 0) flush();
    });
  };

  const flush = (): void => {
    cancelFlush?.();
    for (let free = groupsMax - onTheirWay; free > 0 && waiting.length > 0; free -= 1) {
      start(size, sendThem);
    }
  };

  return {
    call: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (waiting.length === 1) cancelFlush = plan(flush, onTheirWay === 0 ? 0 : waitMsMax);
      }),
    async takeAlong<Other>(send: SendAlong<Item, Answer, Other>) {
      const count = waiting.length;
      const isDear = costs.length > 0 && Math.min(...costs) * count > alongMs;
      if (count === 0 || count > alongMax || isDear) return undefined;
      cancelFlush?.();
      const other = Promise.withResolvers<Other | undefined>();
      start(count, telling(other, send));
      return await other.promise;
    },
  };
}

/** A call that is shared, and whoever takes the group along hears first what came of it. */
function telling<Item, Answer, Other>(
  { resolve, reject }: Omit<PromiseWithResolvers<Other | undefined>, "promise">,
  send: SendAlong<Item, Answer, Other>,
): SendGroup<Item, Answer> {
  return async (items) => {
    try {
      const [answers, other] = await send(items);
      resolve(other);
      return answers;
    } catch (error) {
      if (isAway(error)) reject(error);
      else resolve(undefined);
      throw error;
    }
  };
}

function deal<Item, Answer>(
  group: readonly Waiting<Item, Answer>[],
  answers: ReadonlyMap<Item, Answer>,
): void {
  for (const { item, resolve, reject } of group) {
    const answer = answers.get(item);
    if (answer === undefined) reject(unanswered());
    else resolve(answer);
  }
}

/** Without a wait: with the next turn of the loop, so that what comes in the same one comes along. */
function plan(callback: () => void, waitMs: number): () => void {
  if (waitMs > 0) {
    const timer = setTimeout(callback, waitMs);
    return () => clearTimeout(timer);
  }
  const turn = setImmediate(callback);
  return () => clearImmediate(turn);
}

function isAway(error: unknown): boolean {
  return toWorkerError(error).code === "database_unavailable";
}

function unanswered(): WorkerError {
  return new WorkerError("statement_failed", "Postgres did not answer one of several calls.");
}
