/**
 * What becomes of all connections. `slow` delays both directions; `refuse` resets new connections at once; `black-hole`
 * loses every byte in silence, also those of new connections. A connection that lost a byte stays silent for ever.
 */
export type ProxyMode = "pass" | "slow" | "black-hole" | "refuse";

/**
 * What becomes of one statement. `cut-before`: it never reaches the server. `cut-after`: it is done, and the connection
 * breaks before the answer arrives. `hang-after`: it is done, and the client hears neither of it nor of anything else.
 */
export type FaultKind = "cut-before" | "cut-after" | "hang-after";

/** Every kind, for a test that tries them all. */
export const faultKinds: readonly FaultKind[] = ["cut-before", "cut-after", "hang-after"];

/** Which statement is to meet which fault. */
export interface Fault {
  /** Is looked for in the text of the statement, as it was prepared. */
  readonly statement: RegExp;
  readonly kind: FaultKind;
  /** So many statements that fit pass first. Default: 0. */
  readonly skip?: number;
}

/** A fault that waits for its statement. It strikes once. */
export interface ArmedFault {
  /** Resolves when it has struck: for the kinds that come after, when the server is through with the statement. */
  readonly struck: Promise<void>;
  hasStruck(): boolean;
}

/** What is to be broken, and what was run so far. */
export interface FaultPlan {
  mode: ProxyMode;
  /** One statement meets one fault, the one that was armed first. */
  arm(fault: Fault): ArmedFault;
  /** Takes note of a statement that is about to run, and gives the fault that it meets. */
  meet(statement: string): MetFault | undefined;
  /** How often a statement was run that contains this. */
  countRuns(statement: RegExp): number;
}

/** A fault that found its statement. */
export interface MetFault {
  readonly kind: FaultKind;
  /** Says that it is done. */
  strike(): void;
}

interface WaitingFault extends Omit<Fault, "skip">, MetFault {
  skip: number;
}

export function createFaultPlan(): FaultPlan {
  const armed = new Set<WaitingFault>();
  const runs = new Map<string, number>();
  return {
    mode: "pass",
    arm(fault) {
      const { promise, resolve } = Promise.withResolvers<void>();
      let hasStruck = false;
      const strike = (): void => {
        hasStruck = true;
        resolve();
      };
      armed.add({ ...fault, strike, skip: fault.skip ?? 0 });
      return { struck: promise, hasStruck: () => hasStruck };
    },
    meet(statement) {
      runs.set(statement, (runs.get(statement) ?? 0) + 1);
      const met = [...armed].find((fault) => fault.statement.test(statement));
      if (met === undefined) return undefined;
      if (met.skip > 0) {
        met.skip -= 1;
        return undefined;
      }
      armed.delete(met);
      return met;
    },
    countRuns: (statement) =>
      [...runs].reduce((sum, [text, count]) => sum + (statement.test(text) ? count : 0), 0),
  };
}
