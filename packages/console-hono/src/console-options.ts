import type { Client } from "@leasehold/core";

import type { ConsoleEvent } from "./console-event.ts";
import type { AuthorizeOperator } from "./operator.ts";

/** What of core's client is read. */
export type ReadingClient = Pick<
  Client,
  | "explain"
  | "getActions"
  | "getDeadLetters"
  | "getJob"
  | "getLimits"
  | "getPauses"
  | "getQueue"
  | "getResources"
  | "getThroughput"
  | "getTimeline"
  | "getWorkers"
  | "listJobs"
>;

/** What of core's client the console uses: what it reads, and what it does, which is written down with it. */
export type ConsoleClient = ReadingClient &
  Pick<Client, "noted" | "noteAction" | "requeueAll" | "revealJob">;

/** A schedule, as the host tells of it. */
export interface ScheduleListing {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly type: string;
  readonly queue: string;
  readonly enabled: boolean;
  readonly nextSlotAt: Date | undefined;
  readonly lastSlotAt: Date | undefined;
  readonly warning: "slots_overdue" | "slots_low" | "slots_failed" | undefined;
}

/** Where schedules are read, if the host has some. */
export type ListSchedules = () => Promise<readonly ScheduleListing[]>;

/** A model, as a backend of the host's tells of it. What is absent is not known. */
export interface ModelListing {
  /** Where it runs, such as `gpu-1:11434`. */
  readonly host: string;
  readonly model: string;
  /** It is in memory, so that the next call need not wait for it. */
  readonly isWarm: boolean;
  readonly bytes?: number;
  /** What of it lies in the memory of a GPU. */
  readonly gpuBytes?: number;
  /** The window it was loaded with, in tokens. */
  readonly contextLength?: number;
  /** How often it took the place of another model of its host, as the host's process saw it. */
  readonly swaps?: number;
  /** How fast it wrote in its last calls, as the host's process saw it. */
  readonly tokensPerSecond?: number;
}

/** Where models are read, if the host knows of some. It must end soon after its signal aborts. */
export type ListModels = (signal: AbortSignal) => Promise<readonly ModelListing[]>;

/** Makes a resource ready for work, such as a model that is to be loaded. It must end soon after its signal aborts. */
export type WarmResource = (name: string, signal: AbortSignal) => Promise<"ok" | "not_found">;

export interface ConsoleOptions {
  readonly client: ConsoleClient;
  /** Who may see and do what. There is no default: see `bearerTokens`. */
  readonly authorize: AuthorizeOperator;
  /** Absent: the host has no schedules. */
  readonly listSchedules?: ListSchedules;
  /** Absent: the page shows resources without their models. */
  readonly listModels?: ListModels;
  /** Absent: nothing can be warmed from here. */
  readonly warmResource?: WarmResource;
  /** Other origins that may ask, such as `https://ops.example.org`, where a proxy changes the name. Default: none. */
  readonly origins?: readonly string[];
  /** How long Postgres may take for what is read, in milliseconds. Default: 5000. */
  readonly deadlineMs?: number;
  /** Hears of every action and every refusal. What it throws is nobody's concern. */
  readonly observe?: (event: ConsoleEvent) => void;
}
