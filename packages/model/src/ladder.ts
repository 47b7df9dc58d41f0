import { ModelError, type ModelErrorCode } from "./model.ts";

/** One way to a result. */
export interface Rung<Result, Path extends string = string> {
  /** `[a-z0-9_]{1,64}`: reaches provenance and metrics. */
  readonly path: Path;
  /** Whether this way makes sense after the one before failed for that reason. Default: it does. */
  suits?(reason: string): boolean;
  take(): Promise<Result>;
}

/** A step down the ladder. Words of ours only: safe to log, to store and to label with. */
export interface Fall<Path extends string = string> {
  /** Where it led. */
  readonly path: Path;
  /** Why the way before was left: see {@link toFallReason}. */
  readonly reason: string;
}

/** A result and the way that led to it. */
export interface Taken<Result, Path extends string = string> {
  readonly result: Result;
  readonly path: Path;
  /** In their order; empty when the first way led to the result. */
  readonly falls: readonly Fall<Path>[];
}

/** What an answer can be refused for; a timeout, an outage or a bad setting is no reason to ask for less. */
const outputCodes: ReadonlySet<ModelErrorCode> = new Set<ModelErrorCode>([
  "output_invalid",
  "output_runaway",
  "output_truncated",
]);

/**
 * Says in one word what was wrong with an answer: the reason of its refusal, `output_truncated` or `output_runaway`.
 *
 * Undefined for every error that says nothing of an answer: nobody may fall down a ladder for it.
 */
export function toFallReason(error: unknown): string | undefined {
  if (!ModelError.is(error) || !outputCodes.has(error.code) || error.scope !== "job") {
    return undefined;
  }
  return error.code === "output_invalid" ? (error.adapterCode ?? error.code) : error.code;
}

/**
 * Tries one way after the other until one leads to a result. Only errors of the output lead on; any other is thrown at
 * once, and so is the last way's.
 */
export async function takeLadder<Result, Path extends string>(
  rungs: readonly [Rung<Result, Path>, ...Rung<Result, Path>[]],
  onFall: (fall: Fall<Path>) => void = () => undefined,
): Promise<Taken<Result, Path>> {
  const falls: Fall<Path>[] = [];
  const [first, ...others] = rungs;
  let rung = first;
  for (;;) {
    try {
      return { result: await rung.take(), path: rung.path, falls };
    } catch (error) {
      const reason = toFallReason(error);
      const next = reason === undefined ? undefined : findNext(others, reason);
      if (reason === undefined || next === undefined) throw error;
      rung = next;
      const fall: Fall<Path> = { path: rung.path, reason };
      falls.push(fall);
      onFall(fall);
    }
  }
}

/** Takes rungs off the list until one suits. */
function findNext<Result, Path extends string>(
  rungs: Rung<Result, Path>[],
  reason: string,
): Rung<Result, Path> | undefined {
  for (let rung = rungs.shift(); rung !== undefined; rung = rungs.shift()) {
    if (rung.suits?.(reason) ?? true) return rung;
  }
  return undefined;
}
