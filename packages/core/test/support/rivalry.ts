import type { Queue, Session } from "./queue.ts";

/** The rows of one call. */
export type Answer = readonly Readonly<Record<string, unknown>>[];

/**
 * Two connections that want the same thing. The first holds its transaction open until the other one waits for it, so
 * that every interleaving is the one that the test is about.
 */
export interface Rivalry extends AsyncDisposable {
  /** Asks while `first` has not committed, waits until that is what holds it up, and lets `first` commit. */
  overtaken(ask: (rival: Session) => Promise<Answer>): Promise<Answer>;
  readonly first: Session;
}

export async function rivalsIn(queue: Queue): Promise<Rivalry> {
  const first = await queue.begin();
  const rival = await queue.begin();
  return {
    first,
    async overtaken(ask) {
      const answer = ask(rival);
      answer.catch(() => undefined);
      await rival.blocked();
      await first.commit();
      const rows = await answer;
      await rival.commit();
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]();
      await rival[Symbol.asyncDispose]();
    },
  };
}
