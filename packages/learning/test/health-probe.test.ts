import { describe, expect, test } from "bun:test";

import { migrateRoles } from "@leasehold/core";

import { learningSql } from "../src/learning-sql.ts";
import { createLearningStore } from "../src/learning-store.ts";
import { createHands } from "./support/hands.ts";
import { setupLearning, useLearning } from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { useServer } from "./support/server.ts";
import { openSession } from "./support/session.ts";

const setup = useLearning();
const server = useServer();

describe("learning_worker_health_probe", () => {
  test("answers four checks by name, status and detail", async () => {
    await using learning = await setup();

    const rows = await learning.query("select * from public.learning_worker_health_probe()");

    expect(rows).toEqual([
      { check_name: "db_role", status: "ok", detail: null },
      { check_name: "queue_visibility", status: "ok", detail: "visible_jobs=0" },
      { check_name: "queue_lag", status: "ok", detail: "oldest_due_seconds=0" },
      { check_name: "score_watch", status: "ok", detail: null },
    ]);
  });

  test("counts the jobs that are due, and neither those that wait for their time nor the leased", async () => {
    await using learning = await setup();
    const { claim, retry } = createHands(learning);
    for (const text of ["Eins.", "Zwei.", "Drei."]) {
      await learning.submit({ student_sub: "ada", kind: "text", text_body: text });
    }
    const [first] = await claim({ limit: 2 });
    if (first !== undefined) await retry(first);

    const checks = await learning.store.probeHealth();

    expect(checks[1]).toEqual({
      check: "queue_visibility",
      status: "ok",
      detail: "visible_jobs=1",
    });
  });

  test("counts no further than it has to, and still finds the oldest", async () => {
    await using learning = await setup();
    await learning.submit();
    // Rows of a queue that nobody analysed, as it is after a night without workers.
    await learning.query(
      `insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
       select r.job_id + n, r.lane_id, n % 10, r.due_at - n * interval '10 milliseconds', 1
       from :"schema".ready as r, generate_series(1, 10000) as n`,
    );

    const checks = await learning.store.probeHealth();

    expect(checks[1]).toMatchObject({ status: "ok", detail: "visible_jobs=10000+" });
    expect(checks[2]?.detail).toMatch(/^oldest_due_seconds=1\d\d$/);
  });

  test("takes the limit of who asks", async () => {
    await using learning = await setup();
    await learning.submit();
    await learning.database.advance(100_000);

    const [strict, lax] = [
      await learning.store.probeHealth(60),
      await learning.store.probeHealth(3_600),
    ];

    expect(strict[2]?.detail).toMatch(/^oldest_due_seconds=10\d limit=60$/);
    expect([strict[2]?.status, lax[2]?.status]).toEqual(["failed", "ok"]);
  });

  test("fails when a job has been due for more than 15 minutes", async () => {
    await using learning = await setup();
    await learning.submit();
    await learning.database.advance(890_000);
    const before = await learning.store.probeHealth();

    await learning.database.advance(20_000);
    const after = await learning.store.probeHealth();

    expect(before[2]).toMatchObject({ check: "queue_lag", status: "ok" });
    expect(after[2]).toMatchObject({ check: "queue_lag", status: "failed" });
    expect(after[2]?.detail).toMatch(/^oldest_due_seconds=9[01]\d limit=900$/);
  });

  test("is well when nothing is due, however old a leased or delayed job is", async () => {
    await using learning = await setup();
    await learning.submit();
    const { claimOne } = createHands(learning);
    await claimOne({ leaseMs: 7_200_000 });
    await learning.database.advance(3_600_000);

    const checks = await learning.store.probeHealth();

    expect(checks.map(({ status }) => status)).toEqual(["ok", "ok", "ok", "ok"]);
  });

  test("is well for a web login that may not claim, and fails when nobody may", async () => {
    await using learning = await setupLearning(await server());
    const roles = { worker: "gustav_worker", limited: "gustav_limited" };
    await migrateRoles({ connection: learning.adminUrl, bundles: [learningSql], ...roles });
    await using admin = await openSession(learning.adminUrl);
    const login = `web_${crypto.randomUUID().slice(0, 8)}`;
    await admin.script(`create role ${login} login in role gustav_limited`);
    try {
      await using web = createLearningStore({ connection: learning.urlFor(login) });

      const well = await web.probeHealth();
      await admin.script("revoke execute on function leasehold.claim_jobs from gustav_worker");
      const ill = await web.probeHealth();

      expect(well[0]).toEqual({ check: "db_role", status: "ok", detail: null });
      expect(ill[0]).toEqual({
        check: "db_role",
        status: "failed",
        detail: "no login may claim jobs: grant gustav_worker to one",
      });
    } finally {
      await admin.script(`drop role ${login}`);
    }
  });

  test("can be called by nobody who was not granted it", async () => {
    await using learning = await setupLearning(await server());
    const roles = { worker: "gustav_worker", limited: "gustav_limited" };
    await migrateRoles({ connection: learning.adminUrl, bundles: [learningSql], ...roles });
    await using stranger = createLearningStore({ connection: learning.url });

    const probe = stranger.probeHealth();

    expect(await refusal(probe)).toMatchObject({ code: "grant_missing", scope: "config" });
  });
});
