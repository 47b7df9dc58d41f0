import { createVirtualAbort } from "./virtual-abort.ts";

/** Real time and chance: whoever reaches them under a simulation is not simulated. */
const sealed = {
  globalThis: ["setTimeout", "setInterval", "setImmediate", "fetch"],
  Math: ["random"],
  performance: ["now"],
  crypto: ["randomUUID", "getRandomValues"],
} as const;

export interface SealOptions {
  /** Told each time that the real world was reached. */
  readonly onEscape: (name: string) => void;
  /** Keeps the platform's own abort signals, which are slow. Default: `false`. */
  readonly nativeAbort?: boolean;
}

/**
 * Runs something with real time and chance out of reach.
 *
 * It must be synchronous: everybody else in this process would miss them, too.
 */
export function withSealedPlatform<Result>(
  { onEscape, nativeAbort = false }: SealOptions,
  run: () => Result,
): Result {
  const undo: (() => void)[] = [];
  const replace = (target: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(target, name);
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
    undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(target, name);
      else Object.defineProperty(target, name, before);
    });
  };
  const { stackTraceLimit } = Error;
  try {
    for (const [owner, names] of Object.entries(sealed)) {
      const target = owner === "globalThis" ? globalThis : Reflect.get(globalThis, owner);
      for (const name of names) {
        const path = owner === "globalThis" ? name : `${owner}.${name}`;
        replace(target, name, refuse(path, onEscape));
      }
    }
    const now = refuse("Date.now", onEscape);
    replace(globalThis, "Date", Object.assign(refuse("Date", onEscape), { now }));
    if (!nativeAbort) {
      const { AbortController, AbortSignal } = createVirtualAbort();
      replace(globalThis, "AbortController", AbortController);
      replace(globalThis, "AbortSignal", AbortSignal);
    }
    // Most errors here are thrown on purpose, and nobody reads their stacks.
    Error.stackTraceLimit = 0;
    return run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    for (const restore of undo.toReversed()) restore();
  }
}

/** Works as a function and with `new`. */
function refuse(name: string, onEscape: (name: string) => void): object {
  return function reachReality(): never {
    onEscape(name);
    throw new Error(`${name} is out of reach under a simulation.`);
  };
}
