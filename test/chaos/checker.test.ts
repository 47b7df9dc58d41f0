import { describe, expect, test } from "bun:test";

import { checkEvidence, type Violation } from "./checker.ts";
import type { AttemptRow, Evidence } from "./evidence.ts";
import type { HistoryLine } from "./history.ts";

const jobId = "job-1";

function attempt(phase: string, number: number, more: Partial<AttemptRow> = {}): AttemptRow {
  // Each attempt takes 10, and the next one begins 10 later.
  const startedAt = (phase === "prepare" ? 0 : 1_000) + number * 20;
  const outcome = "completed";
  const finishedAt = startedAt + 10;
  return {
    jobId,
    phase,
    attempt: number,
    worker: `worker-${number}`,
    outcome,
    startedAt,
    finishedAt,
    ...more,
  };
}

function line(
  name: string,
  [phase, number]: readonly [phase: string, attempt: number],
  part?: number,
): HistoryLine {
  return { at: 0, worker: `worker-${number}`, name, jobId, phase, attempt: number, part };
}

/** A job whose worker was killed after its first part, and which another worker finished. */
const story: Evidence = {
  acknowledged: [jobId],
  jobs: [{ id: jobId, state: "completed", failures: 0, losses: 1, outages: 0 }],
  attempts: [
    attempt("prepare", 1, { outcome: "lapsed" }),
    attempt("prepare", 2),
    attempt("finish", 1),
  ],
  effects: [
    { jobId, kind: "prepared" },
    { jobId, kind: "completed" },
  ],
  writes: [{ jobId, phase: "prepare", attempt: 2, at: 47 }],
  history: [
    line("work.begun", ["prepare", 1]),
    line("part.begun", ["prepare", 1], 1),
    line("part.done", ["prepare", 1], 1),
    line("part.saved", ["prepare", 1], 1),
    line("work.begun", ["prepare", 2]),
    line("part.begun", ["prepare", 2], 2),
    line("part.done", ["prepare", 2], 2),
    line("part.saved", ["prepare", 2], 2),
    line("phase.completed", ["prepare", 2]),
    line("work.begun", ["finish", 1]),
    line("phase.completed", ["finish", 1]),
  ],
  clocksAgree: true,
};

test("finds nothing wrong with a job that lost its worker, and counts", () => {
  const verdict = checkEvidence(story);

  expect(verdict).toEqual({
    jobs: 1,
    completed: 1,
    failed: 0,
    dead: 0,
    lost: 0,
    double: 0,
    terminal: 1,
    starts: 1.5,
    rerunsOfCheckpointed: 0,
    losses: [1],
    violations: [],
  });
});

test("counts a worker that was killed before it could say what it began", () => {
  const { violations } = checkEvidence({ ...story, history: [] });

  expect(violations).toEqual([]);
});

interface Planted {
  readonly what: string;
  readonly evidence: Partial<Evidence>;
  readonly promise: Violation["promise"];
}

const planted: readonly Planted[] = [
  {
    what: "a job that was acknowledged and is not there",
    evidence: { acknowledged: [jobId, "job-2"] },
    promise: "no job is lost",
  },
  {
    what: "a job that nobody enqueued",
    evidence: { acknowledged: [] },
    promise: "no job comes from nowhere",
  },
  {
    what: "a job that waits for ever",
    evidence: { jobs: [{ id: jobId, state: "queued", failures: 0, losses: 1, outages: 0 }] },
    promise: "every job ends",
  },
  {
    what: "an effect that was committed twice",
    evidence: { effects: [...story.effects, { jobId, kind: "prepared" }] },
    promise: "an effect happens once",
  },
  {
    what: "a completion that was written twice",
    evidence: { effects: [...story.effects, { jobId, kind: "completed" }] },
    promise: "an effect happens once",
  },
  {
    what: "a completion without its effect",
    evidence: { effects: story.effects.slice(0, 1) },
    promise: "a completed job had its effects",
  },
  {
    what: "a completion that left a phase out",
    evidence: { attempts: story.attempts.slice(0, 2), history: [] },
    promise: "a completed job went through every phase",
  },
  {
    what: "a start that nobody counted",
    evidence: { history: [{ ...line("work.begun", ["prepare", 1]), jobId: "job-2" }] },
    promise: "a start is counted before it happens",
  },
  {
    what: "an attempt that is missing",
    evidence: {
      attempts: [
        attempt("prepare", 1, { outcome: "lapsed" }),
        attempt("prepare", 3),
        attempt("finish", 1),
      ],
      writes: [],
      history: [],
    },
    promise: "attempts are numbered without gaps",
  },
  {
    what: "two workers in one attempt",
    evidence: { history: [...story.history, line("work.begun", ["finish", 1])] },
    promise: "an attempt is run once",
  },
  {
    what: "an attempt of a phase that was done",
    evidence: {
      attempts: [...story.attempts, attempt("prepare", 3, { outcome: "released" })],
    },
    promise: "what is checkpointed is not run again",
  },
  {
    what: "a phase that a worker runs again though it was done",
    evidence: {
      attempts: [
        attempt("prepare", 1),
        attempt("prepare", 2, { outcome: "lapsed" }),
        attempt("finish", 1),
      ],
      writes: [],
      history: [line("work.begun", ["prepare", 2])],
    },
    promise: "what is checkpointed is not run again",
  },
  {
    what: "a part that is done again",
    evidence: { history: [...story.history, line("part.begun", ["prepare", 2], 1)] },
    promise: "a part that is saved is not done again",
  },
  {
    what: "a worker that completes what another one holds",
    evidence: { history: [...story.history, line("phase.completed", ["prepare", 1])] },
    promise: "only who held the lease completes",
  },
  {
    what: "a worker that completes in the name of another one",
    evidence: {
      history: [{ ...line("phase.completed", ["prepare", 2]), worker: "worker-9" }],
    },
    promise: "only who held the lease completes",
  },
  {
    what: "a commit after the lease had lapsed",
    evidence: { writes: [{ jobId, phase: "prepare", attempt: 1, at: 31 }] },
    promise: "without a lease nothing is written",
  },
  {
    what: "a commit under no attempt at all",
    evidence: { writes: [{ jobId, phase: "finish", attempt: 7, at: 0 }] },
    promise: "without a lease nothing is written",
  },
  {
    what: "a part that was sent after the lease had lapsed, and was taken",
    evidence: {
      history: story.history.map((told) =>
        told.name === "part.done" ? { ...told, at: 60 } : told,
      ),
    },
    promise: "without a lease nothing is written",
  },
  {
    what: "a loss that nobody counted",
    evidence: { jobs: [{ id: jobId, state: "completed", failures: 0, losses: 0, outages: 0 }] },
    promise: "a loss is counted once",
  },
  {
    what: "a failure charged to a job that did nothing wrong",
    evidence: { jobs: [{ id: jobId, state: "completed", failures: 1, losses: 1, outages: 0 }] },
    promise: "nothing is charged to the job",
  },
];

describe("finds what was planted:", () => {
  test.each(planted)("$what", ({ evidence, promise }) => {
    const { violations } = checkEvidence({ ...story, ...evidence });

    expect(new Set(violations.map((violation) => violation.promise))).toEqual(new Set([promise]));
  });
});

test("holds no moment against another when a clock was moved", () => {
  const writes = [{ jobId, phase: "prepare", attempt: 1, at: 31 }];

  expect(checkEvidence({ ...story, writes, clocksAgree: false }).violations).toEqual([]);
});

test("counts jobs and not violations", () => {
  const effects = [...story.effects, ...story.effects, ...story.effects];

  expect(checkEvidence({ ...story, effects })).toMatchObject({ double: 1 });
  expect(checkEvidence({ ...story, acknowledged: [jobId, "a", "b"] })).toMatchObject({ lost: 2 });
});

test("a dead job is terminal, and counted as dead", () => {
  const jobs = [{ id: jobId, state: "dead", failures: 0, losses: 3, outages: 0 }];

  const verdict = checkEvidence({ ...story, jobs });

  expect(verdict).toMatchObject({ completed: 0, dead: 1, terminal: 1, losses: [0, 0, 1] });
});
