import { z } from "zod";

/** What a program of the bench can be asked to do. */
export type Ask =
  | {
      readonly ask: "work";
      readonly contender: string;
      readonly url: string;
      readonly mode: "throughput" | "single";
      readonly otherTypes?: readonly string[] | undefined;
      /** How many workers in the one process. */
      readonly workers: number;
      /** Stamps the moment when so many completions are committed. */
      readonly target: number;
    }
  /** What it worked so far, as of now. */
  | { readonly ask: "tally" }
  /** Stops the workers, and tells which jobs were handled. */
  | { readonly ask: "finish" }
  | {
      readonly ask: "enqueue";
      readonly contender: string;
      readonly url: string;
      readonly jobs: number;
      readonly payloadBytes: number;
      /** Jobs per call: 1 is the call for a single job. */
      readonly batch: number;
      /** Calls that wait for their answer at the same time. */
      readonly inFlight: number;
    }
  /** Single jobs with random gaps, each into a queue that is idle again. */
  | {
      readonly ask: "drip";
      readonly contender: string;
      readonly url: string;
      readonly jobs: number;
      readonly payloadBytes: number;
      readonly gapMs: readonly [number, number];
    }
  /** Our own pipeline of two slow phases, with jobs that arrive evenly. */
  | {
      readonly ask: "slots";
      readonly url: string;
      readonly slots: number;
      readonly phaseMs: number;
      readonly jobsPerSecond: number;
      readonly seconds: number;
    };

/** A child's account of its work. Moments are of the common clock. */
export interface WorkTally {
  readonly handled: number;
  readonly firstAt: number;
  /** When `target` completions were committed; 0 when they were not yet, or the contender cannot tell. */
  readonly reachedAt: number;
  /** Of this process since its first job. */
  readonly cpuSeconds: number;
  /** When each tenth of `target` was handled: for one worker process, how the rate went. */
  readonly tenthsAt: readonly number[];
}

/** Each job that was handled, and when, in this order. */
export interface HandledJobs {
  readonly numbers: readonly number[];
  readonly at: readonly number[];
}

export interface EnqueueTally {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** When each call was made, for a drip. */
  readonly calledAt: readonly number[];
}

/** What slow jobs met. */
export interface SlotsTally {
  /** From the call that enqueued a job to the start of its first phase. */
  readonly waitsMs: readonly number[];
  readonly cpuSeconds: number;
}

export const slotsTally: z.ZodType<SlotsTally> = z.object({
  waitsMs: z.array(z.number()),
  cpuSeconds: z.number(),
});

export const workTally: z.ZodType<WorkTally> = z.object({
  handled: z.number(),
  firstAt: z.number(),
  reachedAt: z.number(),
  cpuSeconds: z.number(),
  tenthsAt: z.array(z.number()),
});

export const handledJobs: z.ZodType<HandledJobs> = z.object({
  numbers: z.array(z.number()),
  at: z.array(z.number()),
});

export const enqueueTally: z.ZodType<EnqueueTally> = z.object({
  seconds: z.number(),
  cpuSeconds: z.number(),
  calledAt: z.array(z.number()),
});

/** What a child tells by itself. */
export type Notice =
  | { readonly notice: "loaded" }
  | { readonly notice: "first" }
  | { readonly notice: "handled"; readonly count: number }
  | { readonly notice: "answer"; readonly value?: unknown }
  | { readonly notice: "failed"; readonly message: string };

export const notice: z.ZodType<Notice> = z.discriminatedUnion("notice", [
  z.object({ notice: z.literal("loaded") }),
  z.object({ notice: z.literal("first") }),
  z.object({ notice: z.literal("handled"), count: z.number() }),
  z.object({ notice: z.literal("answer"), value: z.unknown().optional() }),
  z.object({ notice: z.literal("failed"), message: z.string() }),
]);

export const ask: z.ZodType<Ask> = z.discriminatedUnion("ask", [
  z.object({
    ask: z.literal("work"),
    contender: z.string(),
    url: z.string(),
    mode: z.enum(["throughput", "single"]),
    otherTypes: z.array(z.string()).optional(),
    workers: z.int(),
    target: z.int(),
  }),
  z.object({ ask: z.literal("tally") }),
  z.object({ ask: z.literal("finish") }),
  z.object({
    ask: z.literal("enqueue"),
    contender: z.string(),
    url: z.string(),
    jobs: z.int(),
    payloadBytes: z.int(),
    batch: z.int(),
    inFlight: z.int(),
  }),
  z.object({
    ask: z.literal("drip"),
    contender: z.string(),
    url: z.string(),
    jobs: z.int(),
    payloadBytes: z.int(),
    gapMs: z.tuple([z.number(), z.number()]),
  }),
  z.object({
    ask: z.literal("slots"),
    url: z.string(),
    slots: z.int(),
    phaseMs: z.number(),
    jobsPerSecond: z.number(),
    seconds: z.number(),
  }),
]);
