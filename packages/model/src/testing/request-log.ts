/** What a test server has seen, which a test can wait for. */
export interface RequestLog<Request extends { readonly kind: string }> {
  /** In their order. */
  readonly entries: readonly Request[];
  add(request: Request): void;
  /** The first of a kind, also one from before. */
  waitFor(this: void, kind: Request["kind"]): Promise<Request>;
}

/** Generous: a test that waits this long has failed. */
const waitMsMax = 10_000;

/** Starts a log with nothing in it. */
export function createRequestLog<Request extends { readonly kind: string }>(): RequestLog<Request> {
  const entries: Request[] = [];
  const events = new EventTarget();
  return {
    entries,
    add(request) {
      entries.push(request);
      events.dispatchEvent(new Event("added"));
    },
    async waitFor(kind) {
      const signal = AbortSignal.timeout(waitMsMax);
      for (;;) {
        const found = entries.find((entry) => entry.kind === kind);
        if (found !== undefined) return found;
        await new Promise<void>((resolve, reject) => {
          const late = (): void => reject(new Error(`No ${kind} was seen within ${waitMsMax} ms.`));
          signal.addEventListener("abort", late, { once: true });
          events.addEventListener("added", () => resolve(), { once: true });
        });
      }
    },
  };
}
