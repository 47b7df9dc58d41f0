import type { ClaimRequest } from "./job-store.ts";

/** How far claims have come, by what the database calls a lane and a priority. */
export type ClaimMarks = Readonly<Record<string, string>>;

interface ClaimedRow {
  readonly solo: boolean;
  readonly marks: ClaimMarks | undefined;
}

/** Looks from the start take at most a twentieth of the time. */
const restFactor = 20;
/** A look from the start that takes longer than this has to wade through what was claimed long ago. */
const dearMs = 10;

/**
 * Claims from where the last claim ended, and from the start only now and then.
 *
 * Rows that were claimed stay in the index as long as somebody holds an old snapshot, a backup or a forgotten session,
 * and a look from the start passes all of them. What such a look alone can find, a job that was committed late say,
 * waits for the next one.
 */
export function createMarkedClaims<
  Row extends ClaimedRow,
  Request extends ClaimRequest = ClaimRequest,
>(
  claim: (request: Request, marks: ClaimMarks) => Promise<readonly Row[]>,
  now: () => number = () => performance.now(),
): (request: Request) => Promise<readonly Row[]> {
  let marks: ClaimMarks = {};
  let fromStartAt = 0;
  let isDear = false;

  const take = async (request: Request): Promise<readonly Row[]> => {
    const rows = await claim(request, marks);
    for (const row of rows) if (row.marks !== undefined) marks = { ...marks, ...row.marks };
    return rows;
  };

  return async (request) => {
    const rows = now() < fromStartAt ? await take(request) : [];
    const isEnough = rows.length === request.limit || rows.some(({ solo }) => solo);
    // Who found nothing is about to sleep, and looks for what lies behind the marks first, whatever that takes.
    const canWait = isDear && rows.length > 0 && now() < fromStartAt;
    if (isEnough || canWait) return rows;
    const startedAt = now();
    marks = {};
    const others = await take({ ...request, limit: request.limit - rows.length });
    const tookMs = now() - startedAt;
    isDear = tookMs > dearMs;
    fromStartAt = now() + tookMs * restFactor;
    return [...rows, ...others];
  };
}
