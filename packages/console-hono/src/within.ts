/** How a call went that must not be waited for too long. What it threw may quote anybody. */
export type Outcome<Value> =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "timeout" };

/** Waits for a call, but not for ever. Never throws. */
export async function within<Value>(
  deadlineMs: number,
  run: (signal: AbortSignal) => Value | Promise<Value>,
): Promise<Outcome<Value>> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<Outcome<Value>>((resolve) => {
    timer = setTimeout(() => {
      // Before the abort, or the error that the abort causes would win the race.
      resolve({ kind: "timeout" });
      controller.abort();
    }, deadlineMs);
  });
  const settle = async (): Promise<Outcome<Value>> => {
    try {
      return { kind: "value", value: await run(controller.signal) };
    } catch (error) {
      return { kind: "failed", error };
    }
  };
  try {
    return await Promise.race([settle(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
