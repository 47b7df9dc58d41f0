import { expect, test } from "bun:test";

import { migrateRoles } from "@leasehold/core";

import {
  createLearningHealth,
  type HealthFinding,
  type LearningHealthOptions,
  type LearningHealthReport,
} from "../src/learning-health.ts";
import { learningSql } from "../src/learning-sql.ts";
import { setupLearning, useLearning } from "./support/learning.ts";
import { useServer } from "./support/server.ts";
import { openSession } from "./support/session.ts";

const setup = useLearning();
const server = useServer();
const { signal } = new AbortController();

async function probe(options: LearningHealthOptions): Promise<LearningHealthReport> {
  await using health = createLearningHealth(options);
  return await health.probe(signal);
}

function listFailed({ checks }: LearningHealthReport): readonly string[] {
  return checks.filter(({ status }) => status === "failed").map(({ check }) => check);
}

test("begins with what the runbook names, and goes on with what the doctor looks at", async () => {
  await using learning = await setup();

  const { checks, status } = await probe({
    connection: learning.url,
    workerState: () => "running",
    models: async () => [{ check: "model", status: "ok", message: "The model is ready." }],
  });

  expect(checks.slice(0, 5)).toEqual([
    { check: "db_role", status: "ok", detail: null },
    { check: "queue_visibility", status: "ok", detail: "visible_jobs=0" },
    { check: "queue_lag", status: "ok", detail: "oldest_due_seconds=0" },
    { check: "score_watch", status: "ok", detail: null },
    { check: "worker", status: "ok", detail: "running" },
  ]);
  const names = checks.map(({ check }) => check);
  expect(names).toEqual(
    expect.arrayContaining(["database", "schema", "grants", "row_security", "clock", "workers"]),
  );
  expect(names.at(-1)).toBe("model");
  // Whether hints arrive takes too long to try.
  expect(names).not.toContain("hints");
  // No worker of this database lives, and somebody has to be told.
  expect(status).toBe("degraded");
  expect(checks.filter((each) => each.status === "failed").map(({ check }) => check)).toEqual([
    "workers",
  ]);
});

test("the doctor's command is shown the same, with words for what is well, and hints", async () => {
  await using learning = await setup();
  await using health = createLearningHealth({ connection: learning.url });

  const findings = await health.examine(signal);
  const { checks } = await health.probe(signal);

  const names = findings.map(({ check }) => check);
  expect(names.filter((name) => name !== "hints")).toEqual(checks.map(({ check }) => check));
  expect(names).toContain("hints");
  expect(findings.every(({ message }) => message !== "")).toBe(true);
});

test("is well for a web login that may only ask, when it is told so", async () => {
  await using learning = await setupLearning(await server());
  const roles = { worker: "gustav_worker", limited: "gustav_limited" };
  await migrateRoles({ connection: learning.adminUrl, bundles: [learningSql], ...roles });
  await using admin = await openSession(learning.adminUrl);
  const login = `web_${crypto.randomUUID().slice(0, 8)}`;
  await admin.script(`create role ${login} login in role gustav_limited`);
  try {
    const connection = learning.urlFor(login);

    const asWeb = await probe({ connection, role: "limited" });
    const asWorker = await probe({ connection });

    expect(asWeb.currentRole).toBe(login);
    expect(listFailed(asWeb)).toEqual(["workers"]);
    expect(listFailed(asWorker)).toEqual(["db_role", "grants", "workers"]);
  } finally {
    await admin.script(`drop role ${login}`);
  }
});

test("several models are one check: as ill as the worst, in the words of all that are as ill", async () => {
  await using learning = await setup();
  const found = (status: HealthFinding["status"], message: string): HealthFinding => ({
    check: "model_missing",
    status,
    message,
  });
  const models = async (): Promise<readonly HealthFinding[]> => [
    found("fail", "A is missing."),
    found("ok", "B is there."),
    found("warn", "C is odd."),
    found("fail", "D is missing."),
  ];

  const { checks } = await probe({ connection: learning.url, models });

  expect(checks.filter(({ check }) => check === "model_missing")).toEqual([
    { check: "model_missing", status: "failed", detail: "A is missing. D is missing." },
  ]);
});

test.each([
  ["throws", () => Promise.reject(new Error("canary")), "The model could not be asked."],
  ["hangs", () => new Promise<never>(() => undefined), "The model server does not answer."],
] as const)(
  "a look at models that %s is a failed check in our words",
  async (_, models, detail) => {
    await using learning = await setup();

    const { checks } = await probe({ connection: learning.url, models, limitMs: 2_000 });

    expect(checks).toContainEqual({ check: "model", status: "failed", detail });
  },
);

test("a database that cannot be reached is two failed checks, and no secret", async () => {
  const connection = "postgres://canary-login:canary-password@127.0.0.1:1/canary-database";

  const report = await probe({ connection });

  expect(report).toMatchObject({ status: "degraded", currentRole: null });
  expect(report.checks).toEqual([
    { check: "db_role", status: "failed", detail: "database_unavailable" },
    { check: "database", status: "failed", detail: expect.stringContaining("ECONNREFUSED") },
  ]);
  expect(JSON.stringify(report)).not.toContain("canary");
});
