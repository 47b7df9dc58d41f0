import { describe, expect, setDefaultTimeout, test } from "bun:test";

import type { CriterionResultV2 } from "../src/criteria.ts";
import { createHands, feedbackResult } from "./support/hands.ts";
import { type Learning, useLearning } from "./support/learning.ts";

setDefaultTimeout(60_000);

const open = useLearning();

/** What a model is called, and what its program. */
const provenance = {
  adapter: "hand",
  model: "eule:8b",
  program: "learning.feedback",
  version: "2",
  hash: "ab".repeat(32),
};

interface Fixture extends Learning {
  /** Lets a worker's hands give a new submission these points, out of 10 and out of 5; answers its row. */
  grade(scores: Scores, from?: object): Promise<Record<string, unknown>>;
  /** The same for so many submissions. */
  gradeAll(count: number, scores: Scores, from?: object): Promise<void>;
  /** The fourth check of the probe. */
  watch(): Promise<{ readonly status: string; readonly detail: string | null }>;
}

type Scores = readonly (number | undefined)[];

const maxScores = [10, 5];

async function setup(): Promise<Fixture> {
  const learning = await open();
  const { claimOne, complete } = createHands(learning);
  let count = 0;
  const grade: Fixture["grade"] = async (scores, from = provenance) => {
    count += 1;
    const text = { student_sub: "ada", kind: "text", text_body: `Arbeit ${count}.` };
    const { id } = await learning.submit(text);
    const criteria_results = scores.map((score, index): CriterionResultV2 => ({
      criterion: `K${index}`,
      max_score: maxScores[index] ?? 10,
      ...(score === undefined ? {} : { score }),
    }));
    const analysis = { schema: "criteria.v2", criteria_results };
    await complete(await claimOne(), { ...feedbackResult, analysis }, from);
    return await learning.submission(id);
  };
  return {
    ...learning,
    grade,
    async gradeAll(times, scores, from) {
      for (let done = 0; done < times; done += 1) await grade(scores, from);
    },
    async watch() {
      const checks = await learning.store.probeHealth();
      const check = checks.find(({ check: name }) => name === "score_watch");
      if (check === undefined) throw new Error("There is no such check.");
      return check;
    },
  };
}

describe("ten results of one model and program without any point", () => {
  test("raise the alarm, which says which model and which program", async () => {
    await using fixture = await setup();
    await fixture.gradeAll(9, [0, 0]);
    const before = await fixture.watch();

    await fixture.grade([0, 0]);

    expect(before).toMatchObject({ status: "ok", detail: null });
    expect(await fixture.watch()).toMatchObject({
      status: "failed",
      detail: "all_zero: model eule:8b, program learning.feedback 2 (abababab)",
    });
    expect(await fixture.store.scoreAlarms()).toEqual([
      {
        shape: "all_zero",
        model: "eule:8b",
        program: "learning.feedback",
        version: "2",
        hash: "ab".repeat(32),
      },
    ]);
  });

  test("have every result from the tenth on reviewed, also one that looks well", async () => {
    await using fixture = await setup();

    const rows = [];
    for (let done = 0; done < 10; done += 1) rows.push(await fixture.grade([0, 0]));
    rows.push(await fixture.grade([7, 3]));

    expect(rows.map(({ needs_review: needsReview }) => needsReview)).toEqual([
      ...Array.from({ length: 9 }, () => false),
      true,
      true,
    ]);
    expect(rows.at(-1)).toMatchObject({
      analysis_status: "completed",
      review_flags: ["all_zero_scores"],
    });
  });

  test("need not follow each other: ten of thirteen are enough, as on the day that taught us", async () => {
    await using fixture = await setup();

    await fixture.grade([7, 3]);
    await fixture.gradeAll(4, [0, 0]);
    await fixture.grade([2, 5]);
    await fixture.gradeAll(5, [0, 0]);
    await fixture.grade([9, 1]);
    const before = await fixture.watch();
    await fixture.grade([0, 0]);

    expect(before.status).toBe("ok");
    expect((await fixture.watch()).status).toBe("failed");
  });

  test("are forgiven when eleven others came after them", async () => {
    await using fixture = await setup();
    await fixture.gradeAll(10, [0, 0]);
    await fixture.gradeAll(10, [7, 3]);
    const before = await fixture.watch();

    const row = await fixture.grade([6, 3]);

    expect(before.status).toBe("failed");
    expect(row).toMatchObject({ needs_review: false, review_flags: [] });
    expect((await fixture.watch()).status).toBe("ok");
  });

  test("are forgotten after a week, and when an operator says so", async () => {
    await using fixture = await setup();
    await fixture.gradeAll(10, [0, 0]);

    await fixture.database.advance(8 * 86_400_000);
    const aged = await fixture.watch();
    await fixture.database.advance(-8 * 86_400_000);
    const young = await fixture.watch();
    const gone = await fixture.row(
      `select :"schema".learning_forget_scores('eule:8b')::integer as count`,
    );

    expect([aged.status, young.status]).toEqual(["ok", "failed"]);
    expect(gone).toEqual({ count: 10 });
    expect((await fixture.watch()).status).toBe("ok");
  });

  test("are those of one model with one program: others are counted apart", async () => {
    await using fixture = await setup();
    await fixture.gradeAll(9, [0, 0]);

    const others = [{ model: "kauz:3b" }, { version: "3" }, { hash: "cd".repeat(32) }];
    const rows = [];
    for (const other of others) rows.push(await fixture.grade([0, 0], { ...provenance, ...other }));

    expect(rows.map(({ needs_review: needsReview }) => needsReview)).toEqual([false, false, false]);
    expect((await fixture.watch()).status).toBe("ok");
  });
});

describe("ten results with the same share of the points in every criterion", () => {
  test("raise the alarm", async () => {
    await using fixture = await setup();
    await fixture.gradeAll(9, [6, 3]);

    const row = await fixture.grade([6, 3]);

    expect(row).toMatchObject({ needs_review: true, review_flags: ["all_equal_scores"] });
    expect((await fixture.watch()).detail).toStartWith("all_equal: model eule:8b, program");
  });

  test.each([
    ["full marks are what an easy task gives", [10, 5]],
    ["a single criterion is always like itself", [6]],
    ["what was not assessed is no point", [undefined, undefined]],
  ] as const)("but for those that are no sign: %s", async (_, scores) => {
    await using fixture = await setup();

    await fixture.gradeAll(12, scores);

    expect((await fixture.watch()).status).toBe("ok");
  });

  test("but for different shares: a class can be even", async () => {
    await using fixture = await setup();

    for (let done = 0; done < 12; done += 1) await fixture.grade(done % 2 === 0 ? [6, 3] : [8, 4]);

    expect((await fixture.watch()).status).toBe("ok");
  });
});

test("what a stub made up is no sign of anything", async () => {
  await using fixture = await setup();

  await fixture.gradeAll(12, [0, 0], { ...provenance, synthetic: true });

  expect((await fixture.watch()).status).toBe("ok");
});

test("criteria.v1 and an adapter without provenance are watched, too", async () => {
  await using fixture = await setup();
  const { claimOne, complete } = createHands(fixture);
  const criteria_results = [{ criterion: "Inhalt", score: 0, explanation_md: "Nichts." }];
  const analysis = { schema: "criteria.v1", score: 0, criteria_results };

  for (let done = 0; done < 10; done += 1) {
    await fixture.submit({ student_sub: "ada", kind: "text", text_body: `Arbeit ${done}.` });
    await complete(await claimOne(), { ...feedbackResult, analysis }, {});
  }

  expect((await fixture.watch()).detail).toBe("all_zero: model , program   ()");
});

test("keeps no more than it looks at, and nothing of whose work it was", async () => {
  await using fixture = await setup();

  await fixture.gradeAll(140, [7, 3]);

  const rows = await fixture.query('select * from :"schema".learning_score');
  expect(rows.length).toBeLessThan(110);
  expect(rows.length).toBeGreaterThanOrEqual(20);
  expect(JSON.stringify(rows)).not.toMatch(/ada|Arbeit|K0/);
});
