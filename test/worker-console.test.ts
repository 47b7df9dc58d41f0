import { expect, setDefaultTimeout, test } from "bun:test";
import { userInfo } from "node:os";
import { join } from "node:path";

import { models, startFakeOllama } from "./support/fake-ollama.ts";
import { type Bench, samples, useCluster, type Variables } from "./support/worker-bench.ts";
import type { WorkerProcess } from "./support/worker-process.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

function basic(name: string, token: string): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(`${name}:${token}`).toString("base64")}` };
}

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(
  worker: WorkerProcess,
  path: string,
  init: { readonly headers?: Readonly<Record<string, string>>; readonly body?: object } = {},
): Promise<Asked> {
  const { body, headers = {} } = init;
  const response = await fetch(`${await worker.origin()}${path}`, {
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function failOne(bench: Bench, worker: WorkerProcess): Promise<string> {
  const content = { kind: "text", text: "Ein geheimer Text. [[stub: permanent]]" } as const;
  const { jobId } = await bench.store.submit({ studentSub: "geheim", content });
  await worker.waitForLog("job.failed", (line) => line["jobId"] === jobId);
  return jobId;
}

test("a browser on this machine sees and requeues what failed, by the token, and it is written down", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker({ LEASEHOLD_STUB_MARKERS: "on" });
  const headers = basic("whoever", await worker.token());
  const id = await failOne(bench, worker);

  const asked = await ask(worker, "/console/overview");
  const wrong = await ask(worker, "/console/overview", {
    headers: basic("somebody", "x".repeat(32)),
  });
  const page = await ask(worker, "/console/dead-letters", { headers });
  const acted = await ask(worker, `/console/api/jobs/${id}/requeue`, {
    headers,
    body: { reason: "a better model" },
  });

  expect([asked.status, asked.headers.get("www-authenticate")]).toEqual([
    401,
    'Basic realm="Leasehold", charset="UTF-8"',
  ]);
  expect(wrong.status).toBe(401);
  expect(page.status).toBe(200);
  expect(page.text).toContain("input_unsupported");
  expect(page.text).not.toContain("geheim");
  expect([acted.status, acted.text]).toEqual([200, expect.stringContaining("ok")]);
  expect(await bench.client.getActions({ target: id })).toMatchObject([
    { operator: userInfo().username, action: "job.requeue", reason: "a better model" },
  ]);
  expect(worker.log().map(({ msg }) => msg)).toContain("console.listening");
  expect(await worker.waitForLog("console.acted")).toMatchObject({
    action: "job.requeue",
    status: 200,
  });
  expect(worker.output().stdout).not.toContain("a better model");
});

test("a token that may ask for health does not open the page: its operators are named", async () => {
  await using bench = await cluster.setup();
  const health = "token-of-the-monitoring";
  const own = "ada-has-a-token-of-her-own";
  const reading = "bob-has-a-token-that-reads";
  const closed = bench.startWorker({ LEASEHOLD_OPERATOR_TOKEN: health });
  const open = bench.startWorker({
    LEASEHOLD_OPERATOR_TOKEN: health,
    LEASEHOLD_CONSOLE_TOKENS: `ada:${own}, bob:read:${reading}`,
  });

  const none = await ask(closed, "/console/overview", { headers: basic("ada", health) });
  const monitoring = await ask(open, "/console/overview", { headers: basic("ada", health) });
  const ada = await ask(open, "/console/overview", { headers: basic("ada", own) });
  const program = await ask(open, "/console/overview", {
    headers: { authorization: `Bearer ${own}` },
  });

  const refused = await ask(open, "/console/api/pauses", {
    headers: basic("bob", reading),
    body: { scope: { queue: "default" } },
  });

  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('"role":"act"')]);
  expect(await open.waitForLog("console.refused")).toMatchObject({
    operator: "bob",
    code: "forbidden",
  });
  expect([none, monitoring, ada, program].map(({ status }) => status)).toEqual([
    404, 401, 200, 200,
  ]);
});

const localBackend = (url: string): Variables => ({
  AI_BACKEND: "local",
  AI_VISION_MODEL: models.vision,
  AI_FEEDBACK_MODEL: models.feedback,
  OLLAMA_BASE_URL: url,
});

test("the page shows the models of Ollama, and warms them by the name that jobs need them by", async () => {
  await using ollama = await startFakeOllama({ gpuShare: 1 });
  await using bench = await cluster.setup();
  const worker = bench.startWorker(localBackend(ollama.url));
  const headers = basic("whoever", await worker.token());
  await worker.waitForLog("worker.started");
  const [resource] = (await bench.client.getResources()).filter(({ name }) =>
    name.endsWith(`/${models.feedback}`),
  );
  const warm = (name: string): Promise<Asked> =>
    ask(worker, `/console/api/resources/${encodeURIComponent(name)}/warm`, { headers, body: {} });

  const warmed = await warm(resource?.name ?? "none");
  const unknown = await warm("another:11434/model");
  const page = await ask(worker, "/console/resources", { headers });

  expect([warmed.status, unknown.status]).toEqual([200, 404]);
  expect(page.text).toContain(models.feedback);
  expect(page.text).toContain(models.vision);
  expect(await bench.client.getActions({ target: resource?.name ?? "" })).toMatchObject([
    { action: "resource.warm" },
  ]);
});

test("the page shows which model took another's place, and how fast it writes", async () => {
  await using ollama = await startFakeOllama();
  await using bench = await cluster.setup(localBackend(ollama.url));
  const worker = bench.startWorker();
  const headers = basic("whoever", await worker.token());
  await bench.run(["submit", join(samples, "photo.jpg"), "--criterion", "Rechenweg:4"]);
  await worker.waitForLog("job.completed");

  const page = await ask(worker, "/console/resources", { headers });

  const row = page.text.split("<tr").find((part) => part.includes(`>${models.feedback}</code>`));
  // The picture was read by the other model before.
  expect(row).toMatch(/"Swapped in"><[^>]+>1</);
  expect(row).toMatch(/"Tokens per second"><[^>]+>[\d,.]+</);
});
