/** `urgent` is 1, `high` 3, `normal` 5, `low` 7 and `bulk` 9. */
export type PriorityName = "urgent" | "high" | "normal" | "low" | "bulk";

/** What the caller says of a job, beside its input. */
export interface JobOptions {
  /** The job's id, chosen by the caller: a second enqueue with it adds nothing. Default: a new one. */
  readonly id?: string;
  /** From 0 to 9, lower first, or by name. Default: `normal`. */
  readonly priority?: number | PriorityName;
  /** At most ten years. Default: 0. */
  readonly delayMs?: number;
  /** When the job is due, in place of `delayMs`; at most ten years ahead. What is over means now. */
  readonly runAt?: Date;
  /**
   * How long after it is due the job may start at the latest; else it is dead, with the code `expired`. Default: any
   * time. A claim does not look at it: a job may start until maintenance has looked, every ten seconds or so.
   */
  readonly ttlMs?: number;
  /** How long after it is due the job may end at the latest; one that runs is stopped then. Default: any time. */
  readonly deadlineMs?: number;
  /** Whose work it is; at most 256 characters, as the other words here. */
  readonly tenant?: string;
  /** Whom the content is about, as an opaque word. */
  readonly subject?: string;
  /** At most one live job per queue and key. */
  readonly uniqueKey?: string;
  /**
   * What becomes of the live job that has the `uniqueKey`. `keep`: it stays, and nothing is added. `replace`: when it
   * waits and is of this type it gets this input and these options, and begins anew; else it stays. `supersede`: it is
   * cancelled, also when it runs, and this one is added. Default: `keep`.
   */
  readonly onConflict?: "keep" | "replace" | "supersede";
  /** The same request again, also after the job completed. Not with `onConflict: "replace"`. */
  readonly idempotencyKey?: string;
  /**
   * The id of a live job whose child it is: that one can wait for it, and it is cancelled with it. A job that is there
   * already keeps the parent it has. Postgres refuses a parent that has ended.
   */
  readonly parent?: string;
  /** The W3C `traceparent` of who asks, at most 55 characters: phases find it as `context.trace`. */
  readonly trace?: string;
}
