import type { AttemptRow, Evidence } from "./evidence.ts";
import type { HistoryLine } from "./history.ts";
import { chaosPhases } from "./pipeline.ts";

/** A promise that a run broke, and about which job. */
export interface Violation {
  readonly promise:
    | "no job is lost"
    | "no job comes from nowhere"
    | "every job ends"
    | "an effect happens once"
    | "a completed job had its effects"
    | "a completed job went through every phase"
    | "a start is counted before it happens"
    | "attempts are numbered without gaps"
    | "an attempt is run once"
    | "what is checkpointed is not run again"
    | "a part that is saved is not done again"
    | "without a lease nothing is written"
    | "only who held the lease completes"
    | "nothing is charged to the job"
    | "a loss is counted once";
  readonly jobId: string;
}

/** The figures of a run. */
export interface Verdict {
  readonly jobs: number;
  readonly completed: number;
  readonly failed: number;
  readonly dead: number;
  /** Acknowledged, and nowhere to be found. */
  readonly lost: number;
  /** With an effect that happened more than once. */
  readonly double: number;
  /** That ended, in one way or the other. */
  readonly terminal: number;
  /** Of a phase that a job went through: one, and what the faults cost. */
  readonly starts: number;
  readonly rerunsOfCheckpointed: number;
  /** How many jobs lost a worker once, twice, and so on. */
  readonly losses: readonly number[];
  readonly violations: readonly Violation[];
}

const terminalStates: readonly string[] = ["completed", "failed", "dead", "cancelled"];
const effectKinds: readonly string[] = ["prepared", "completed"];
/** A process reads the clock of the machine less finely than Postgres does. */
const clockErrorUs = 10_000;

/** Compares what the database says with what was promised, and with what the processes said they did. */
export function checkEvidence(evidence: Evidence): Verdict {
  const { acknowledged, jobs, attempts } = evidence;
  const found = new Set(jobs.map(({ id }) => id));
  const enqueued = new Set(acknowledged);
  const inState = (state: string): number => jobs.filter((job) => job.state === state).length;
  const violations = [
    ...broken(
      "no job is lost",
      acknowledged.filter((id) => !found.has(id)),
    ),
    ...broken("no job comes from nowhere", idsOf(jobs.filter(({ id }) => !enqueued.has(id)))),
    ...broken("every job ends", idsOf(jobs.filter(({ state }) => !terminalStates.includes(state)))),
    ...checkEffects(evidence),
    ...checkAttempts(evidence),
    ...checkPhases(evidence),
    ...checkWork(evidence),
    ...checkParts(evidence),
    ...checkCompletions(evidence),
    ...(evidence.clocksAgree ? checkWrites(evidence) : []),
    ...broken("nothing is charged to the job", idsOf(jobs.filter(({ failures }) => failures > 0))),
    ...checkLosses(evidence),
  ];
  const count = (promise: Violation["promise"]): number =>
    new Set(violations.filter((each) => each.promise === promise).map(({ jobId }) => jobId)).size;
  return {
    jobs: acknowledged.length,
    completed: inState("completed"),
    failed: inState("failed"),
    dead: inState("dead"),
    lost: count("no job is lost"),
    double: count("an effect happens once"),
    terminal: jobs.filter(({ state }) => terminalStates.includes(state)).length,
    starts: attempts.length / (jobs.length * chaosPhases.length),
    rerunsOfCheckpointed: count("what is checkpointed is not run again"),
    losses: countLosses(jobs),
    violations,
  };
}

function countLosses(jobs: Evidence["jobs"]): readonly number[] {
  const most = jobs.reduce((max, { losses }) => Math.max(max, losses), 0);
  return Array.from(
    { length: most },
    (_, index) => jobs.filter(({ losses }) => losses === index + 1).length,
  );
}

function checkLosses({ jobs, attempts }: Evidence): readonly Violation[] {
  const lapsed = attempts.filter(({ outcome }) => outcome === "lapsed");
  const counts = countBy(lapsed, ({ jobId }) => jobId);
  const miscounted = jobs.filter(({ id, losses }) => losses !== (counts.get(id) ?? 0));
  return broken("a loss is counted once", idsOf(miscounted));
}

function checkEffects({ jobs, effects }: Evidence): readonly Violation[] {
  const counts = countBy(effects, ({ jobId, kind }) => `${jobId} ${kind}`);
  const times = (jobId: string, kind: string): number => counts.get(`${jobId} ${kind}`) ?? 0;
  return jobs.flatMap(({ id, state }) =>
    effectKinds.flatMap((kind) => [
      ...broken("an effect happens once", times(id, kind) > 1 ? [id] : []),
      ...broken(
        "a completed job had its effects",
        state === "completed" && times(id, kind) === 0 ? [id] : [],
      ),
    ]),
  );
}

function checkAttempts({ attempts }: Evidence): readonly Violation[] {
  return [...groupBy(attempts, phaseKey).values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const numbers = own.map(({ attempt }) => attempt).toSorted((one, other) => one - other);
    const hasGap = numbers.some((number, index) => number !== index + 1);
    const done = completedAttempt(own);
    const wentOn = done !== undefined && numbers.some((number) => number > done);
    return [
      ...broken("attempts are numbered without gaps", hasGap ? [first.jobId] : []),
      ...broken("what is checkpointed is not run again", wentOn ? [first.jobId] : []),
    ];
  });
}

function checkPhases({ jobs, attempts }: Evidence): readonly Violation[] {
  const done = new Set(attempts.filter(({ outcome }) => outcome === "completed").map(phaseKey));
  const hasSkipped = (jobId: string): boolean =>
    chaosPhases.some((phase) => !done.has(phaseKey({ jobId, phase })));
  const completed = idsOf(jobs.filter(({ state }) => state === "completed"));
  return broken("a completed job went through every phase", completed.filter(hasSkipped));
}

/** Holds what the processes say they began against what the database counted. */
function checkWork({ attempts, history }: Evidence): readonly Violation[] {
  const counted = new Set(attempts.map(attemptKey));
  const done = new Map(
    [...groupBy(attempts, phaseKey)].map(([key, own]) => [key, completedAttempt(own)]),
  );
  const begun = workOf(history, "work.begun");
  const runs = countBy(begun, attemptKey);
  return [
    ...broken(
      "a start is counted before it happens",
      jobIdsOf(begun.filter((work) => !counted.has(attemptKey(work)))),
    ),
    ...broken(
      "an attempt is run once",
      jobIdsOf(begun.filter((work) => (runs.get(attemptKey(work)) ?? 0) > 1)),
    ),
    ...broken(
      "what is checkpointed is not run again",
      jobIdsOf(begun.filter((work) => work.attempt > (done.get(phaseKey(work)) ?? Infinity))),
    ),
  ];
}

/** A part was saved when its worker was told so; what was saved without that may be done again. */
function checkParts({ history }: Evidence): readonly Violation[] {
  const saved = groupBy(workOf(history, "part.saved"), partKey);
  const again = workOf(history, "part.begun").filter((begun) =>
    (saved.get(partKey(begun)) ?? []).some(({ attempt }) => attempt < begun.attempt),
  );
  return broken("a part that is saved is not done again", jobIdsOf(again));
}

/** Who was told that an attempt is done did it, and under no other number. */
function checkCompletions({ attempts, history }: Evidence): readonly Violation[] {
  const doneBy = new Map(
    attempts
      .filter(({ outcome }) => outcome === "completed")
      .map((attempt) => [attemptKey(attempt), attempt.worker]),
  );
  const told = workOf(history, "phase.completed");
  const untrue = told.filter((work) => doneBy.get(attemptKey(work)) !== work.worker);
  return broken("only who held the lease completes", jobIdsOf(untrue));
}

/** Whatever was written under a lease was written while its attempt ran. */
function checkWrites({ attempts, writes, history }: Evidence): readonly Violation[] {
  const byKey = new Map(attempts.map((attempt) => [attemptKey(attempt), attempt]));
  const strays = writes.filter((write) => {
    const attempt = byKey.get(attemptKey(write));
    return attempt === undefined || write.at < attempt.startedAt || write.at > attempt.finishedAt;
  });
  const saved = groupBy(workOf(history, "part.saved"), partKey);
  // A part that was sent after the end of its attempt, and was taken.
  const late = workOf(history, "part.done").filter((part) => {
    const finishedAt = byKey.get(attemptKey(part))?.finishedAt ?? Infinity;
    const wasTaken = saved.get(partKey(part))?.some(({ attempt }) => attempt === part.attempt);
    return wasTaken === true && part.at * 1_000 > finishedAt + clockErrorUs;
  });
  return broken("without a lease nothing is written", jobIdsOf([...strays, ...late]));
}

interface Work {
  readonly at: number;
  readonly worker: string;
  readonly jobId: string;
  readonly phase: string;
  readonly attempt: number;
  readonly part: number;
}

function workOf(history: readonly HistoryLine[], told: string): readonly Work[] {
  return history
    .filter(({ name }) => name === told)
    .map(({ at, worker, jobId = "", phase = "", attempt = 0, part = 0 }) => ({
      at,
      worker,
      jobId,
      phase,
      attempt,
      part,
    }));
}

function completedAttempt(own: readonly AttemptRow[]): number | undefined {
  return own.find(({ outcome }) => outcome === "completed")?.attempt;
}

const phaseKey = ({ jobId, phase }: Pick<AttemptRow, "jobId" | "phase">): string =>
  `${jobId} ${phase}`;
const attemptKey = (row: Pick<AttemptRow, "jobId" | "phase" | "attempt">): string =>
  `${phaseKey(row)} ${row.attempt}`;
const partKey = (row: Pick<Work, "jobId" | "phase" | "part">): string =>
  `${phaseKey(row)} ${row.part}`;

const idsOf = (rows: readonly { readonly id: string }[]): readonly string[] =>
  rows.map(({ id }) => id);
const jobIdsOf = (rows: readonly { readonly jobId: string }[]): readonly string[] =>
  rows.map(({ jobId }) => jobId);

function broken(promise: Violation["promise"], ids: readonly string[]): readonly Violation[] {
  return ids.map((jobId) => ({ promise, jobId }));
}

function groupBy<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

function countBy<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): ReadonlyMap<string, number> {
  return new Map([...groupBy(rows, keyOf)].map(([key, group]) => [key, group.length]));
}
