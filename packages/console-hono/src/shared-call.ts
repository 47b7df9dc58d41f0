/** A call that all who ask while it is under way share. */
export interface SharedCall<Value> {
  (): Promise<Value>;
  /** Whoever asks from now on sees what is there now. */
  forget(): void;
}

/** However many look at the same thing, it is asked for once at a time, and once in `keptMs`. */
export function createSharedCall<Value>(
  keptMs: number,
  ask: () => Promise<Value>,
): SharedCall<Value> {
  let pending: Promise<Value> | undefined;
  let kept: { readonly value: Value; readonly until: number } | undefined;

  const renew = (): Promise<Value> => {
    const call = ask();
    pending = call;
    const end = (value?: { readonly value: Value }): void => {
      // Another one is under way when somebody forgot this one.
      if (pending !== call) return;
      pending = undefined;
      kept = value && { ...value, until: performance.now() + keptMs };
    };
    call.then(
      (value) => end({ value }),
      () => end(),
    );
    return call;
  };
  const callShared = (): Promise<Value> => {
    if (kept !== undefined && performance.now() < kept.until) return Promise.resolve(kept.value);
    return pending ?? renew();
  };
  const forget = (): void => {
    pending = undefined;
    kept = undefined;
  };
  return Object.assign(callShared, { forget });
}
