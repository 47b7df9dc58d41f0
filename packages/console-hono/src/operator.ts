/** What an operator may do: see what stands about jobs, change jobs, and see what is in them. */
export type OperatorRole = "read" | "act" | "reveal";

/** Who asks, as the host knows them. */
export interface Operator {
  /** Stands in the audit table: a login or a short name, at most 128 characters. */
  readonly name: string;
  readonly roles: readonly OperatorRole[];
}

/**
 * Says who sent a request. `undefined`: nobody we know, answered with 401.
 *
 * Asked for every request; its answer is never kept. One that throws or hangs lets nobody in.
 */
export interface AuthorizeOperator {
  (request: Request): Operator | undefined | Promise<Operator | undefined>;
  /** What the page asks a browser for that sent nothing, as `WWW-Authenticate` has it. Default: `Bearer`, which none can. */
  readonly challenge?: string;
}
