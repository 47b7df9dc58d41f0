/** An abort is obeyed within this time: an upper bound, ten times what is usual. */
export const abortMsMax = 250;

/** Time in which work must show its first sign of life, and work that ends must end. */
export const answerMsMax = 30_000;

/** Time in which a backend must begin what it is asked for, and stop when nobody waits for it any more. */
const backendMsMax = 1_000;

const tickMs = 10;

/**
 * Fails when work does not end within a time of the event loop's own.
 *
 * Counted in short timers one after the other: while a busy machine does not let this process run, the clock of the wall
 * goes on and this one does not.
 */
export async function within<Value>(
  ms: number,
  work: Promise<Value>,
  what: string,
): Promise<Value> {
  const over = new AbortController();
  const late = countDown(ms, over.signal).then(() => {
    throw new Error(`${what} did not come within ${ms} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

async function countDown(ms: number, over: AbortSignal): Promise<void> {
  for (let spentMs = 0; spentMs < ms && !over.aborted; spentMs += tickMs) await wait(tickMs);
}

/** Waits for something that nobody tells. */
export async function waitUntil(isTrue: () => boolean, what: string): Promise<void> {
  for (let spentMs = 0; spentMs < backendMsMax; spentMs += tickMs) {
    if (isTrue()) return;
    await wait(tickMs);
  }
  throw new Error(`waited ${backendMsMax} ms for ${what}`);
}

/** One turn of the event loop. */
export function turnOfLoop(): Promise<void> {
  return wait(0);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
