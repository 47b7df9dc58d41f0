/** Something that an operator did or was refused. It never holds content: no payload, no reason, no token. */
export interface ConsoleEvent {
  readonly name: "console.acted" | "console.refused" | "console.failed";
  /** The operator's name; `undefined` where nobody was known. */
  readonly operator: string | undefined;
  /** What was asked for, as a word of ours such as `job.requeue`. */
  readonly action: string;
  /** The status of the HTTP answer. */
  readonly status: number;
  /** Why, as a word of ours such as `foreign_origin`. */
  readonly code: string | undefined;
}
