import { createSchema, type ModelSchema } from "../model/create-schema.ts";
import type { HintListener } from "../production.ts";
import type { ProcessState } from "./process-state.ts";
import { createRandom } from "./random.ts";
import type { Statement, StatementBody } from "./statement.ts";
import type { EventOwner } from "./timeline.ts";
import type { World } from "./world.ts";

/** A statement, and how the observer is told of it. */
export interface DescribedStatement<Answer> {
  /** The caller gave it up before. Default: `false`. */
  readonly isLate?: boolean;
  readonly run: () => Answer;
  readonly describe: (answer: Answer) => StatementBody;
}

/** Sees every statement that was committed. */
export type StatementObserver = (statement: Statement) => void;

/** A Postgres that runs the model, and may be away. */
export interface Postgres {
  readonly schema: ModelSchema;
  isUp(): boolean;
  /** How often all connections broke. */
  breaks(): number;
  /** By the virtual time. */
  startedAt(): number;
  /** When it was last away, or zero. */
  lastAwayAt(): number;
  goAway(): void;
  comeBack(): void;
  /** Whose statement runs now. */
  readonly caller: () => ProcessState | undefined;
  /** Runs one statement at once and shows it to the observer. Throws `SqlError`, and nothing happened. */
  run<Answer>(process: ProcessState | undefined, statement: DescribedStatement<Answer>): Answer;
  /** How often the hook raised for a job in the statement that ran last. */
  raisesFor(jobId: number): number;
  listen(process: EventOwner, listener: HintListener): void;
  observe(observer: StatementObserver): void;
}

export function createPostgres(world: World): Postgres {
  const { timeline, profile } = world;
  const random = createRandom(world.seed, "postgres");
  const raised: number[] = [];
  const listeners = new Map<EventOwner, HintListener>();
  let observer: StatementObserver = () => undefined;
  let caller: ProcessState | undefined;
  let isUp = true;
  let startedAt = -3_600_000;
  let breaks = 0;
  let lastAwayAt = 0;
  const hinted = new Set<keyof HintListener>();

  const schema = createSchema({
    clock: () => timeline.now(),
    startedAt: () => startedAt,
    jitter: (delayMs) => Math.round((delayMs / 2) * (1 + random.next())),
    pause: (pauseMs) => Math.round((pauseMs / 2) * (1 + random.next())),
    isLocked: () => world.isFaulty() && random.chance(profile.lockedRows),
    raises(call) {
      if (!world.isFaulty() || !random.chance(profile.raisingHooks)) return undefined;
      raised.push(call.jobId);
      return random.pick(["P0001", "P0001", "23514", "57014"]);
    },
    hint: () => void hinted.add("onDue"),
    hintKeepers: () => void hinted.add("onOrder"),
  });

  const sendHints = (): void => {
    for (const name of hinted) {
      for (const [process, listener] of listeners) {
        if (!process.isAlive) listeners.delete(process);
        else if (random.chance(profile.hints)) {
          timeline.after(random.between(1, 10), () => listener[name](), process);
        }
      }
    }
    hinted.clear();
  };

  return {
    schema,
    isUp: () => isUp,
    breaks: () => breaks,
    startedAt: () => startedAt,
    lastAwayAt: () => lastAwayAt,
    caller: () => caller,
    goAway() {
      isUp = false;
      breaks += 1;
      listeners.clear();
      world.tell(() => "postgres goes away");
    },
    comeBack() {
      if (isUp) return;
      isUp = true;
      startedAt = timeline.now();
      lastAwayAt = timeline.now();
      world.tell(() => "postgres is back");
    },
    run(process, { run, describe, isLate = false }) {
      raised.length = 0;
      hinted.clear();
      caller = process;
      const answer = schema.transact(run);
      observer({ process, isLate, ...describe(answer) });
      sendHints();
      return answer;
    },
    raisesFor: (jobId) => raised.filter((id) => id === jobId).length,
    listen: (process, listener) => void listeners.set(process, listener),
    observe(next) {
      observer = next;
    },
  };
}
