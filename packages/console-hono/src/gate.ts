import { ConsoleProblem } from "./api/problem.ts";
import { within } from "./within.ts";

/** Lets so many calls to Postgres through at once, and waits for none of them for ever. */
export interface Gate {
  /** Throws `busy` at once, `unavailable` at the deadline, or what the call threw. */
  pass<Value>(deadlineMs: number, run: (signal: AbortSignal) => Promise<Value>): Promise<Value>;
}

/** A call that is given up counts for as long as it is really under way: otherwise a dead database would collect them. */
export function createGate(callsMax: number): Gate {
  let underWay = 0;
  return {
    async pass(deadlineMs, run) {
      if (underWay >= callsMax) throw new ConsoleProblem("busy");
      const outcome = await within(deadlineMs, async (signal) => {
        underWay += 1;
        try {
          return await run(signal);
        } finally {
          underWay -= 1;
        }
      });
      if (outcome.kind === "value") return outcome.value;
      if (outcome.kind === "timeout") throw new ConsoleProblem("unavailable");
      // Hono hands on as an error only what is one.
      throw outcome.error instanceof Error ? outcome.error : new ConsoleProblem("internal");
    },
  };
}
