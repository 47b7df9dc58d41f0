/** `AbortController` and `AbortSignal`, as far as a worker uses them. */
export interface AbortGlobals {
  readonly AbortController: unknown;
  readonly AbortSignal: unknown;
}

/** A signal without the platform's event machinery, which would take most of a simulation's time. */
interface VirtualSignal {
  aborted: boolean;
  reason: unknown;
  /** Each with whether it is told only once. */
  readonly listeners: Map<() => void, boolean>;
  /** Signals that abort with this one, and after its own listeners. */
  readonly dependents: Set<VirtualSignal>;
  /** The signals that this one follows. */
  sources: readonly VirtualSignal[];
  addEventListener(
    name: "abort",
    listener: () => void,
    options?: { readonly once?: boolean },
  ): void;
  removeEventListener(name: "abort", listener: () => void): void;
  throwIfAborted(): void;
}

/**
 * Makes abort signals that cost next to nothing, in the place of the platform's.
 *
 * They do the same in the same order: a simulation has the same hash with either of them, and a test says so.
 */
export function createVirtualAbort(): AbortGlobals {
  return { AbortController: createController, AbortSignal: { any: followAny } };
}

/** The platform's would be an error of its own, which nobody here looks at. */
const noReason = new Error("aborted without a reason");

/** Called with `new`, like the platform's. */
function createController(): object {
  const signal = createSignal();
  return { signal, abort: (reason: unknown) => abort(signal, reason ?? noReason) };
}

function followAny(signals: readonly VirtualSignal[]): VirtualSignal {
  const signal = createSignal();
  const aborted = signals.find((source) => source.aborted);
  if (aborted !== undefined) {
    mark(signal, aborted.reason);
    return signal;
  }
  signal.sources = signals.flatMap((source) =>
    source.sources.length === 0 ? source : source.sources,
  );
  for (const source of signal.sources) source.dependents.add(signal);
  return signal;
}

function createSignal(): VirtualSignal {
  const listeners: VirtualSignal["listeners"] = new Map();
  return {
    aborted: false,
    reason: undefined,
    listeners,
    dependents: new Set(),
    sources: [],
    addEventListener(_name, listener, options) {
      if (!listeners.has(listener)) listeners.set(listener, options?.once === true);
    },
    removeEventListener: (_name, listener) => void listeners.delete(listener),
    throwIfAborted() {
      if (this.aborted) throw this.reason;
    },
  };
}

function abort(signal: VirtualSignal, reason: unknown): void {
  if (signal.aborted) return;
  mark(signal, reason);
  const dependents = [...signal.dependents].filter(({ aborted }) => !aborted);
  for (const dependent of dependents) mark(dependent, reason);
  tellListeners(signal);
  for (const dependent of dependents) tellListeners(dependent);
}

function mark(signal: VirtualSignal, reason: unknown): void {
  signal.aborted = true;
  signal.reason = reason;
  for (const source of signal.sources) source.dependents.delete(signal);
}

function tellListeners({ listeners }: VirtualSignal): void {
  // Those that are added meanwhile come too late, and those that are removed hear nothing.
  for (const listener of Array.from(listeners.keys())) {
    const once = listeners.get(listener);
    if (once === undefined) continue;
    if (once) listeners.delete(listener);
    listener();
  }
}
