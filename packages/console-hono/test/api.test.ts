import { describe, expect, test } from "bun:test";

import { createBench } from "./support/bench.ts";
import { useDesk } from "./support/desk.ts";

const setup = useDesk();
const draft = ["draft", 1, "output_invalid"] as const;

describe("looking", () => {
  test("at jobs comes in pages, by what is known of them", async () => {
    const desk = await setup();
    const failed = await desk.enqueueFailed();
    const queued = [await desk.enqueue(), await desk.enqueue({ tenant: "school" })];

    const first = await desk.ask(`api/jobs?queue=${desk.queue}&limit=2`);
    const next = encodeURIComponent(String(first.json["next"]));
    const rest = await desk.ask(`api/jobs?queue=${desk.queue}&limit=2&after=${next}`);
    const dead = await desk.ask(`api/jobs?queue=${desk.queue}&state=failed&code=output_invalid`);
    const tenant = await desk.ask(`api/jobs?queue=${desk.queue}&tenant=school`);

    expect(first.json["jobs"]).toMatchObject([
      { id: queued[1] },
      { id: queued[0], state: "queued" },
    ]);
    expect(rest.json).toMatchObject({ jobs: [{ id: failed, state: "failed", worker: "worker" }] });
    expect(dead.json).toMatchObject({ jobs: [{ id: failed, code: "output_invalid" }] });
    expect(tenant.json).toMatchObject({ jobs: [{ id: queued[1] }] });
  });

  test("at one job tells its timeline, and why it is not running", async () => {
    const desk = await setup();
    const id = await desk.enqueueFailed();

    const job = await desk.ask(`api/jobs/${id}`);
    const causes = await desk.ask(`api/jobs/${id}/explain`);

    const [phase, attempt, code] = draft;
    expect(job.json).toMatchObject({
      id,
      state: "failed",
      phases: [{ phase, attempts: 1, code }],
      attempts: [{ phase, attempt, outcome: "failed", code, worker: "worker" }],
    });
    expect(causes.json).toMatchObject({ causes: [{ cause: "failed", blocker: code }] });
  });

  test.each(["api/jobs/ID", "api/jobs/ID/explain"])("at %s of no job is told so", async (path) => {
    const desk = await setup();

    for (const id of [crypto.randomUUID(), "no-uuid", "..%2f..", "%27"]) {
      const { status, json } = await desk.ask(path.replace("ID", id));
      expect([status, json["code"]]).toEqual([404, "not_found"]);
    }
  });

  test("at the backlog, the dead letters and the throughput sees what there is", async () => {
    const desk = await setup();
    const { queue } = desk;
    const sampleId = await desk.enqueueFailed();
    await desk.enqueue();

    const queues = await desk.ask("api/queues");
    const groups = await desk.ask("api/dead-letters");
    const minutes = await desk.ask("api/throughput?minutes=2");

    expect(queues.json["queues"]).toContainEqual(
      expect.objectContaining({ queue, type: "essay", state: "due", count: 1 }),
    );
    expect(groups.json["groups"]).toContainEqual(
      expect.objectContaining({ queue, code: "output_invalid", count: 1, sampleId }),
    );
    expect(minutes.json["minutes"]).toHaveLength(2);
  });
});

describe("acting", () => {
  test("on a job is done, and on the record with who and why", async () => {
    const desk = await setup();
    const id = await desk.enqueueFailed();
    const body = { reason: "The model is back." };

    const requeued = await desk.ask(`api/jobs/${id}/requeue`, { body });
    const cancelled = await desk.ask(`api/jobs/${id}/cancel`, { body: {} });
    const replayed = await desk.ask(`api/jobs/${id}/replay`, { body: { phase: "draft" } });
    const state = (await desk.ask(`api/jobs/${id}`)).json["state"];
    const audit = await desk.ask(`api/actions?target=${id}`);

    expect([requeued, cancelled, replayed].map(({ json }) => json)).toEqual([
      { outcome: "ok" },
      { outcome: "ok" },
      { outcome: "ok" },
    ]);
    expect(state).toBe("queued");
    expect(audit.json["actions"]).toMatchObject([
      { action: "job.cancel", operator: "operator all", outcome: "ok", jobs: 1 },
      { action: "job.requeue", operator: "operator all", reason: "The model is back.", jobs: 1 },
    ]);
  });

  test("on a job that will not have it is refused with what to do", async () => {
    const desk = await setup();
    const queued = await desk.enqueue();
    const failed = await desk.enqueueFailed();
    const none = crypto.randomUUID();
    const ask = async (path: string, body: unknown = {}): Promise<unknown> => {
      const { status, json } = await desk.ask(`api/jobs/${path}`, { body });
      expect(String(json["detail"]).length).toBeGreaterThan(20);
      return [status, json["code"]];
    };

    expect(await ask(`${queued}/requeue`)).toEqual([409, "not_settled"]);
    expect(await ask(`${failed}/cancel`)).toEqual([409, "settled"]);
    expect(await ask(`${failed}/replay`, { phase: "grade" })).toEqual([409, "unknown_phase"]);
    expect(await ask(`${none}/requeue`)).toEqual([404, "not_found"]);
    expect(await ask(`${none}/cancel`)).toEqual([404, "not_found"]);
  });

  test("on many jobs needs their count, and does nothing when it is another", async () => {
    const desk = await setup();
    const { queue } = desk;
    for (let left = 3; left > 0; left -= 1) await desk.enqueueFailed();
    const filter = { queue, code: "output_invalid" };

    const counted = await desk.ask(`api/jobs-to-requeue?queue=${queue}&code=output_invalid`);
    await desk.enqueueFailed();
    const late = await desk.ask("api/jobs/requeue", { body: { filter, count: 3 } });
    const before = await desk.client.listJobs({ queue, state: "failed" });
    const done = await desk.ask("api/jobs/requeue", { body: { filter, count: 4, reason: "Up." } });
    const after = await desk.client.listJobs({ queue, state: "failed" });

    expect(counted.json).toEqual({ count: 3 });
    expect([late.status, late.json]).toMatchObject([409, { code: "count_changed", count: 4 }]);
    expect(before.jobs).toHaveLength(4);
    expect(done.json).toEqual({ matched: 4, requeued: 4, conflicted: 0, refused: 0, left: 0 });
    expect(after.jobs).toHaveLength(0);
    expect((await desk.ask("api/actions?limit=1")).json["actions"]).toMatchObject([
      { action: "jobs.requeue", target: JSON.stringify(filter), reason: "Up.", jobs: 4 },
    ]);
  });

  test("pauses and resumes a queue, and is seen at once", async () => {
    const desk = await setup();
    const scope = { queue: desk.queue };

    const paused = await desk.ask("api/pauses", { body: { scope, reason: "Maintenance." } });
    const seen = await desk.ask("api/pauses");
    const resumed = await desk.ask("api/pauses/resume", { body: { scope } });
    const again = await desk.ask("api/pauses/resume", { body: { scope } });
    const gone = await desk.ask("api/pauses");

    expect([paused, resumed, again].map(({ json }) => json["outcome"])).toEqual([
      "ok",
      "ok",
      "not_paused",
    ]);
    expect(seen.json["pauses"]).toContainEqual(
      expect.objectContaining({ scope, reason: "Maintenance." }),
    );
    expect(gone.json["pauses"]).toEqual([]);
  });

  test("resumes a tenant by the name under which it is shown", async () => {
    const desk = await setup();
    const tenant = `tenant of ${desk.queue}`;
    await desk.client.pause({ tenant });

    const seen = await desk.ask("api/pauses");
    const { scope } = (seen.json["pauses"] as { scope: { tenant: string } }[])[0] ?? {};
    const resumed = await desk.ask("api/pauses/resume", { body: { scope } });

    expect(scope?.tenant).toMatch(/^[0-9a-f]{12}$/);
    expect(resumed.json["outcome"]).toBe("ok");
    expect(await desk.client.getPauses()).toEqual([]);
    expect((await desk.ask("api/actions?limit=1")).json["actions"]).toMatchObject([
      { action: "scope.resume", target: `tenant ${scope?.tenant}` },
    ]);
  });

  test("settles a failed job by hand, once", async () => {
    const desk = await setup();
    const id = await desk.enqueueFailed();
    const body = { reason: "Marked on paper." };

    const resolved = await desk.ask(`api/jobs/${id}/resolve`, { body });
    const again = await desk.ask(`api/jobs/${id}/resolve`, { body });
    const queued = await desk.ask(`api/jobs/${await desk.enqueue()}/resolve`, { body });
    const audit = await desk.ask(`api/actions?target=${id}`);

    expect([resolved, again].map(({ json }) => json["outcome"])).toEqual(["ok", "existing"]);
    expect([queued.status, queued.json["code"]]).toEqual([409, "not_failed"]);
    expect(audit.json["actions"]).toMatchObject([
      { outcome: "existing", jobs: 0 },
      { action: "job.resolve", reason: "Marked on paper.", outcome: "ok", jobs: 1 },
    ]);
  });

  test("opens and closes a breaker, whatever its name", async () => {
    const desk = await setup();
    const name = `http://host:11434/model ${desk.queue}`;
    await desk.client.setResource(name, { concurrency: 1 });
    const path = `api/resources/${encodeURIComponent(name)}`;

    const opened = await desk.ask(`${path}/open`, { body: { reason: "It smokes." } });
    const seen = await desk.ask("api/resources");
    const closed = await desk.ask(`${path}/close`, { body: {} });
    const again = await desk.ask(`${path}/close`, { body: {} });
    const unknown = await desk.ask("api/resources/none/open", { body: {} });

    expect([opened, closed, again].map(({ json }) => json["outcome"])).toEqual([
      "ok",
      "ok",
      "closed",
    ]);
    expect(seen.json["resources"]).toContainEqual(expect.objectContaining({ name, state: "open" }));
    expect(unknown.status).toBe(404);
  });

  test("warms through the host, on the record before it begins", async () => {
    const desk = await setup();
    const recorded: unknown[] = [];
    const bench = createBench({
      client: desk.client,
      async warmResource(name) {
        recorded.push(...(await desk.client.getActions({ target: name })));
        return name === desk.queue ? "ok" : "not_found";
      },
    });

    const warmed = await bench.ask(`api/resources/${desk.queue}/warm`, { body: {} });
    const unknown = await bench.ask(`api/resources/no-${desk.queue}/warm`, { body: {} });
    const without = await desk.ask("api/resources/none/warm", { body: {} });

    expect(warmed.json).toEqual({ outcome: "ok" });
    expect(recorded).toMatchObject([
      { action: "resource.warm", operator: "operator all", outcome: "begun" },
      { action: "resource.warm", target: `no-${desk.queue}` },
    ]);
    expect([unknown.json["code"], without.json["code"]]).toEqual(["not_found", "not_offered"]);
  });
});

describe("revealing", () => {
  test("needs a reason, and is on the record", async () => {
    const desk = await setup();
    const id = await desk.enqueue({ payload: { text: "an essay" }, tenant: "school" });

    const silent = await desk.ask(`api/jobs/${id}/reveal`, { body: { reason: "  " } });
    const revealed = await desk.ask(`api/jobs/${id}/reveal`, {
      body: { reason: "A parent asked." },
    });
    const audit = await desk.ask(`api/actions?target=${id}`);

    expect([silent.status, silent.text.includes("essay")]).toEqual([400, false]);
    expect(revealed.json).toMatchObject({ payload: { text: "an essay" }, tenant: "school" });
    expect(revealed.headers.get("Cache-Control")).toBe("private, no-store");
    expect(audit.json["actions"]).toMatchObject([
      { action: "job.reveal", operator: "operator all", reason: "A parent asked.", outcome: "ok" },
    ]);
  });
});
