/** What the caller says of a job, beside its input. */
export interface JobOptions {
  /** The job's id, chosen by the caller: a second enqueue with it adds nothing. Default: a new one. */
  readonly id?: string;
  /** From 0 to 9, lower first. Default: 5. */
  readonly priority?: number;
  /** At most ten years. Default: 0. */
  readonly delayMs?: number;
  /** Whose work it is; at most 256 characters, as the other words here. */
  readonly tenant?: string;
  /** Whom the content is about, as an opaque word. */
  readonly subject?: string;
  /** At most one live job per queue and key. */
  readonly uniqueKey?: string;
  /** The same request again, also after the job completed. */
  readonly idempotencyKey?: string;
  /** The W3C `traceparent` of who asks, at most 55 characters: phases find it as `context.trace`. */
  readonly trace?: string;
}
