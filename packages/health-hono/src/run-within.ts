/** How a call of the host's code went. What it threw is left behind: it may quote a learner or a DSN. */
export type Outcome<Value> =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "failed" }
  | { readonly kind: "timeout" };

/** Calls the host's code and waits for it, but not for ever. Never throws. */
export async function runWithin<Value>(
  timeoutMs: number,
  run: (signal: AbortSignal) => Value | Promise<Value>,
): Promise<Outcome<Value>> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<Outcome<Value>>((resolve) => {
    timer = setTimeout(() => {
      // Before the abort, or the error that the abort causes would win the race.
      resolve({ kind: "timeout" });
      controller.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([settle(run, controller.signal), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

async function settle<Value>(
  run: (signal: AbortSignal) => Value | Promise<Value>,
  signal: AbortSignal,
): Promise<Outcome<Value>> {
  try {
    return { kind: "value", value: await run(signal) };
  } catch {
    return { kind: "failed" };
  }
}
