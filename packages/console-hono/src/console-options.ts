import type { Client } from "@leasehold/core";

import type { ConsoleEvent } from "./console-event.ts";
import type { AuthorizeOperator } from "./operator.ts";

/** What of core's client the console uses. */
export type ConsoleClient = Pick<
  Client,
  | "getJob"
  | "getResults"
  | "getQueue"
  | "explain"
  | "cancel"
  | "requeue"
  | "requeueAll"
  | "replay"
  | "getDeadLetters"
  | "pause"
  | "resume"
  | "getPauses"
  | "getWorkers"
  | "openBreaker"
  | "closeBreaker"
  | "getResources"
  | "getLimits"
  | "listJobs"
  | "getTimeline"
  | "getThroughput"
  | "getActions"
>;

export interface ConsoleOptions {
  readonly client: ConsoleClient;
  /** Who may see and do what. There is no default: see `bearerTokens`. */
  readonly authorize: AuthorizeOperator;
  /** Hears of every action and every refusal. What it throws is nobody's concern. */
  readonly observe?: (event: ConsoleEvent) => void;
}
