import { coreSql, WorkerError } from "@leasehold/core";

import { SqlError } from "../model/schema.ts";
import { type JobStore, toDatabaseError } from "../production.ts";
import type { DescribedStatement, Postgres } from "./postgres.ts";
import type { ProcessState } from "./process-state.ts";
import { createRandom, type Random } from "./random.ts";
import { type CallKind, createStoreCalls } from "./store-calls.ts";
import type { World } from "./world.ts";

/** As in the production store: renewals are given up sooner. */
const renewDeadlineMs = 5_000;
const workDeadlineMs = 10_000;

/** What becomes of a call, beside the usual few milliseconds. */
type Fate = "fine" | (typeof badFates)[number];
const badFates = [
  /** It takes seconds. */
  "slow",
  /** The request never arrives, and the caller learns it at once, or by the deadline. */
  "refused",
  "silent",
  /** It is done, and the caller cannot know: the answer is lost. */
  "answer_refused",
  "answer_silent",
  /** It is done after the caller gave it up. */
  "late",
] as const;

/** Opens the store of one process: the model, at the other end of a network. */
export type OpenStore = (process: ProcessState) => JobStore;

export function createNetwork(world: World, postgres: Postgres): OpenStore {
  const random = createRandom(world.seed, "network");
  let grants = 0;
  return (process) => {
    let isOpen = true;
    const line: Line = { world, postgres, random, process };
    const calls = createStoreCalls({
      world,
      postgres,
      process,
      nextGrant: () => (grants += 1),
      call: (statement, kind = "write") =>
        isOpen ? send(line, statement, kind) : Promise.reject(unavailable("The store is closed.")),
    });
    return {
      ...calls,
      schemaVersion: async () => coreSql.migrations.length,
      listen: async (listener) => postgres.listen(process, listener),
      async end() {
        isOpen = false;
      },
    };
  };
}

/** From one process to Postgres and back. */
interface Line {
  readonly world: World;
  readonly postgres: Postgres;
  readonly random: Random;
  readonly process: ProcessState;
}

function send<Answer>(
  line: Line,
  statement: DescribedStatement<Answer>,
  kind: CallKind,
): Promise<Answer> {
  const { world, postgres, random, process } = line;
  const { timeline } = world;
  const deadlineMs = kind === "renewal" ? renewDeadlineMs : workDeadlineMs;
  return new Promise((resolve, reject) => {
    // What a dead process would have called does not happen.
    if (!process.isAlive) return;
    const deadlineAt = timeline.now() + deadlineMs;
    const fate = chooseFate(line, kind);
    if (fate !== "fine") noteTrouble(line);
    const failAt = (time: number): void => {
      process.hanging += 1;
      const fail = (): void => {
        process.hanging -= 1;
        noteTrouble(line);
        reject(unavailable("The simulated Postgres did not answer."));
      };
      timeline.after(time - timeline.now(), fail, process);
    };
    const failSoon = (): void => failAt(timeline.now() + random.between(1, 50));

    // Whoever is told to stop meanwhile may have no time to wait for it.
    if (fate === "slow") process.hanging += 1;
    const arrive = (): void => {
      if (fate === "slow") process.hanging -= 1;
      // Of what was on its way when the process died, some arrives.
      if (!process.isAlive && random.chance(0.5)) return;
      if (fate !== "fine") noteTrouble(line);
      if (!postgres.isUp()) {
        if (fate !== "late") failAt(random.chance(0.5) ? timeline.now() + 5 : deadlineAt);
        return;
      }
      const settle = runStatement(line, { ...statement, isLate: fate === "late" });
      if (fate === "late") return;
      if (fate === "answer_refused") return failSoon();
      if (fate === "answer_silent") return failAt(deadlineAt);
      const breaks = postgres.breaks();
      const deliver = (): void => {
        const isBroken = postgres.breaks() !== breaks;
        // A process that was stalled finds the deadline and the answer, in one order or the other.
        const isLate = timeline.now() > deadlineAt && random.chance(0.5);
        if (isBroken || isLate) {
          noteTrouble(line);
          reject(unavailable("The connection to the simulated Postgres broke."));
        } else settle(resolve, reject);
      };
      timeline.after(random.between(0.5, 10), deliver, process);
    };

    if (fate === "refused") return failSoon();
    if (fate === "silent" || fate === "late") failAt(deadlineAt);
    if (fate === "silent") return undefined;
    // Who stops meanwhile may be gone before it arrives.
    if (fate === "slow") process.hanging += 1;
    timeline.after(travelMs(line, fate, deadlineMs), () => {
      if (fate === "slow") process.hanging -= 1;
      arrive();
    });
    return undefined;
  });
}

function chooseFate({ world, random, process }: Line, kind: CallKind): Fate {
  if (!world.isFaulty()) return "fine";
  if (process.cutOffUntil > world.timeline.now()) return random.pick(["silent", "answer_silent"]);
  // Most calls are polls, and most of what can go wrong is in the others.
  const probability = world.profile.badCalls * (kind === "write" ? 3 : 1);
  return random.chance(probability) ? random.pick(badFates) : "fine";
}

function travelMs({ random }: Line, fate: Fate, deadlineMs: number): number {
  if (fate === "slow") return random.between(100, deadlineMs * 0.9);
  if (fate === "late") return deadlineMs + random.between(1, 60_000);
  return random.between(0.5, 10);
}

/** Runs a statement now, and answers how to tell the caller of it. */
function runStatement<Answer>(
  line: Line,
  statement: DescribedStatement<Answer>,
): (resolve: (answer: Answer) => void, reject: (error: WorkerError) => void) => void {
  try {
    const answer = line.postgres.run(line.process, statement);
    return (resolve) => resolve(answer);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    noteTrouble(line);
    const failure = toDatabaseError({ code: error.sqlstate }, "the statement");
    return (_, reject) => reject(failure);
  }
}

function noteTrouble({ world, process }: Line): void {
  process.lastTroubleAt = world.timeline.now();
}

function unavailable(message: string): WorkerError {
  return new WorkerError("database_unavailable", message, { scope: "backend", retryable: true });
}
