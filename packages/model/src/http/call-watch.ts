import type { ModelError } from "../model.ts";
import type { CallErrors, SilenceKind } from "./call-errors.ts";

/** Ends a call: for the first reason that comes up, and for no other. */
export interface CallWatch {
  /** Aborts when the call is over, for whatever reason. The request hangs on it. */
  readonly signal: AbortSignal;
  /** Why the call was ended from our side; undefined when it was not. */
  reason(): ModelError | undefined;
  throwIfEnded(): void;
  /** Starts or restarts the timer of silence. */
  allowSilence(kind: SilenceKind, ms: number): void;
  /** Ends the call at a time on the clock of `performance.now()`. */
  endAt(deadlineAt: number, isDecoding: () => boolean): void;
  /** Says again and again that the call lives, until the answer does so itself. */
  reportEvery(ms: number, report: () => void): void;
  stopReporting(): void;
  /** Ends what is left of the call, so that the backend stops working for it. */
  close(): void;
}

/** What a timer can count. */
const timerMsMax = 2_147_483_647;

/** What a watch needs to know. */
export interface CallWatchOptions {
  readonly resource: string;
  readonly errors: CallErrors;
  /** Any of them aborts the call. */
  readonly signals: readonly AbortSignal[];
}

/** Watches one call. */
export function createCallWatch({ resource, errors, signals }: CallWatchOptions): CallWatch {
  const ended = new AbortController();
  let reason: ModelError | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let deadline: ReturnType<typeof setTimeout> | undefined;
  let reports: ReturnType<typeof setInterval> | undefined;

  const end = (error: ModelError): void => {
    if (ended.signal.aborted) return;
    reason = error;
    ended.abort(error);
  };
  const endByOthers = (): void => {
    const aborted = signals.find((signal) => signal.aborted);
    end(errors.toAbortedError(resource, aborted?.reason));
  };
  // Listeners that are taken off again, instead of `AbortSignal.any`: the worker's signal outlives a million calls.
  for (const signal of signals) signal.addEventListener("abort", endByOthers, { once: true });
  if (signals.some((signal) => signal.aborted)) endByOthers();

  return {
    signal: ended.signal,
    reason: () => reason,
    throwIfEnded() {
      if (reason !== undefined) throw reason;
    },
    allowSilence(kind, ms) {
      clearTimeout(silence);
      silence = setTimeout(() => end(errors.toSilenceError(resource, kind)), ms);
    },
    endAt(deadlineAt, isDecoding) {
      const ms = deadlineAt - performance.now();
      const endNow = (): void => end(errors.toDeadlineError(resource, isDecoding()));
      if (ms <= 0) endNow();
      else deadline = setTimeout(endNow, Math.min(ms, timerMsMax));
    },
    reportEvery(ms, report) {
      reports = setInterval(() => {
        try {
          report();
        } catch (thrown) {
          // Thrown from a timer it would end the process. Who cannot be told anything wants no answer either.
          end(errors.toAbortedError(resource, thrown));
        }
      }, ms);
    },
    stopReporting() {
      clearInterval(reports);
    },
    close() {
      clearTimeout(silence);
      clearTimeout(deadline);
      clearInterval(reports);
      for (const signal of signals) signal.removeEventListener("abort", endByOthers);
      ended.abort();
    },
  };
}
