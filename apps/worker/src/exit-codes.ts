/** How the program ends, in numbers that supervisors act upon. */
export interface ExitCodes {
  readonly done: 0;
  /** The command did not succeed, or was ended by a second signal. */
  readonly failed: 1;
  /** Something must be configured or installed first: to start it again helps nobody. */
  readonly config: 2;
  /** The worker is exhausted: start a fresh process. The number is `EX_TEMPFAIL` of old. */
  readonly exhausted: 75;
}

export const exitCodes: ExitCodes = { done: 0, failed: 1, config: 2, exhausted: 75 };
