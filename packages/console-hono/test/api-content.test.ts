import { describe, expect, test } from "bun:test";

import type { ActionNote } from "@leasehold/core";

import { hideTenantOfCause } from "../src/hidden-tenants.ts";
import { bodyOf, listRoutes, tokens } from "./support/bench.ts";
import { type Desk, useDesk } from "./support/desk.ts";

const setup = useDesk();

/** Names that look like the words around them. */
const tenants = [
  "canary-tenant in the queue default, with priority 1",
  "canary-tenant comes after 3 of them.",
  "canary-tenant $& $1 \\ of tenant x",
  "canary-tenant\n(.*)",
];

/** Jobs that are full of canaries, in every state and with every trouble that is told of. */
async function plant(desk: Desk): Promise<readonly string[]> {
  const { client } = desk;
  const full = (tenant: string): Readonly<Record<string, unknown>> => ({
    tenant,
    subject: "canary-subject",
    uniqueKey: `canary-key ${crypto.randomUUID()}`,
    idempotencyKey: `canary-once ${crypto.randomUUID()}`,
    payload: { text: "canary-payload" },
    skipped: { plan: { output: "canary-output", provenance: {} } },
    priority: 0,
  });
  const ids: string[] = [];
  const add = async (tenant = `canary-tenant ${desk.queue}`): Promise<string> => {
    const id = await desk.enqueue(full(tenant));
    ids.push(id);
    return id;
  };
  await add();
  await desk.fail(await desk.claim(), "output_invalid", "canary-message");
  await add();
  const done = await desk.claim();
  await desk.call("save_part", done.jobId, done.token, 1, { text: "canary-part" }, {});
  const provenance = { adapter: "stub@1", question: "canary-question" };
  await desk.call("complete_job", done.jobId, done.token, { text: "canary-output" }, provenance);
  await add();
  const retried = await desk.claim();
  await desk.call("retry_job", retried.jobId, retried.token, "output_invalid", "canary-message", 1);
  const running = await add();
  await desk.claim();
  await client.signal(running, "approved", { text: "canary-signal" });
  // Each is told of a tenant whose limit is used up, or whose turn it is not.
  await client.setLimit({ queue: desk.queue }, { fair: true });
  for (const tenant of tenants) {
    await client.setLimit({ tenant }, { concurrencyMax: 0, rate: { max: 0, windowMs: 1_000 } });
    await add(tenant);
    await add(tenant);
    await client.noted(noteOf(`tenant ${tenant}`)).pause({ tenant });
    const filter = { tenant, code: "nothing" };
    await client.noted(noteOf(JSON.stringify(filter))).requeueAll(filter);
    await client.noteAction(noteOf(JSON.stringify(filter).slice(0, -9)));
  }
  for (const tenant of tenants.slice(0, 2)) {
    const { status } = await desk.ask("api/pauses", { body: { scope: { tenant } } });
    expect(status).toBe(200);
  }
  return ids;
}

function noteOf(target: string): ActionNote {
  return { operator: "ada", action: "note", target };
}

describe("nothing of what is in a job", () => {
  test("is answered by any route to whoever may not see it", async () => {
    const desk = await setup();
    const ids = await plant(desk);
    const routes = (await listRoutes(desk)).flatMap((route) =>
      route.path.includes("{id}")
        ? ids.map((id) => ({ ...route, address: route.path.slice(1).replace("{id}", id) }))
        : [route],
    );
    const views = ["overview", "queues", "jobs", "dead-letters", "resources", "workers", "audit"];
    const pages = [...views, ...ids.map((id) => `jobs/${id}`)];

    const answers: (readonly [string, string])[] = [];
    for (const token of [tokens["read"], tokens["act"]]) {
      for (const { method, path, address } of routes) {
        const sent = method === "post" ? { token, body: bodyOf(path) } : { token };
        const { text, headers } = await desk.ask(address, sent);
        answers.push([address, text + JSON.stringify([...headers])]);
      }
      for (const page of pages) answers.push([page, (await desk.ask(page, { token })).text]);
    }

    const leaks = answers.filter(([, text]) => text.includes("canary"));
    expect(leaks.map(([address]) => address)).toEqual([]);
    expect(answers.filter(([, text]) => text.includes("stub@1")).length).toBeGreaterThan(0);
    expect(answers.length).toBeGreaterThan(200);
    expect(JSON.stringify(desk.events)).not.toContain("canary");
    // It is there to be found.
    const [id = ""] = ids;
    const { text } = await desk.ask(`api/jobs/${id}/reveal`, { body: { reason: "To be sure." } });
    for (const word of ["payload", "output", "message", "subject", "tenant"]) {
      expect(text).toContain(`canary-${word}`);
    }
  });

  test("names a tenant in the note of what was done for him", async () => {
    const desk = await setup();
    await desk.enqueue({ tenant: "canary-tenant" });
    await desk.fail(await desk.claim(), "output_invalid", "Not by the schema.");

    const filter = { tenant: "canary-tenant", queue: desk.queue };
    const done = await desk.ask("api/jobs/requeue", { body: { filter, count: 1 } });

    const { text } = await desk.ask("api/actions?limit=1");
    expect(done.json).toMatchObject({ requeued: 1 });
    expect(text).toContain("jobs.requeue");
    expect(text).not.toContain("canary");
  });

  test("is told in an explanation, whatever a tenant is called", async () => {
    const desk = await setup();
    const ids = await plant(desk);

    const told = await Promise.all(ids.map((id) => desk.client.explain(id)));
    const hidden = told.flat().map(hideTenantOfCause);

    const named = told.flat().filter((cause) => JSON.stringify(cause).includes("canary"));
    expect(new Set(named.map(({ cause }) => cause))).toContain("limit_full");
    expect(new Set(named.map(({ cause }) => cause))).toContain("rate_used_up");
    expect(new Set(named.map(({ cause }) => cause))).toContain("paused");
    expect(hidden.filter((cause) => JSON.stringify(cause).includes("canary"))).toEqual([]);
  });
});
