import { expect, setDefaultTimeout, test } from "bun:test";

import {
  ask,
  healthPath,
  listFailed,
  useScene,
  waitForFailed,
} from "./support/health/health-scene.ts";

setDefaultTimeout(120_000);

const scene = useScene();

test.each(["OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"])(
  "%s: 405 on every route, whoever asks",
  async (method) => {
    const { worker } = await scene();

    for (const path of [healthPath, "/livez", "/readyz", "/metrics"]) {
      const headers = { origin: "https://elsewhere.example", authorization: "" };
      const answer = await ask(worker.openHttp(), path, { method, headers });

      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
  },
);

test("HEAD: the answer to GET without its text", async () => {
  const { worker } = await scene();
  const http = worker.openHttp();

  const get = await ask(http);
  const head = await ask(http, healthPath, { method: "HEAD" });

  expect([head.status, head.text]).toEqual([get.status, ""]);
  expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(get.headers));
});

test("a thousand who ask at once cost the database as much as one", async () => {
  const { worker, proxy } = await scene();
  await waitForFailed(worker, []);
  const http = worker.openHttp();
  const before = proxy.countRuns(/learning_health/);

  const answers = await Promise.all(Array.from({ length: 1_000 }, () => ask(http)));

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(proxy.countRuns(/learning_health/) - before).toBe(1);
});

test("deep probe: each model is called once, for whoever asks, and again at the earliest in a minute", async () => {
  const { worker, ollama } = await scene();
  await waitForFailed(worker, []);
  const http = worker.openHttp();
  const countChats = (): number => ollama.requests.filter(({ kind }) => kind === "chat").length;
  const before = countChats();
  const deepPath = `${healthPath}?deep=1`;

  const plain = await ask(http);
  const between = countChats();
  const deep = await Promise.all([1, 2, 3].map(() => ask(http, deepPath)));
  const again = await ask(http, deepPath);

  expect(listFailed(plain)).toEqual([]);
  expect(between).toBe(before);
  expect(countChats()).toBe(before + 2);
  for (const answer of [...deep, again]) {
    expect(answer.status).toBe(200);
    const found = answer.checks.filter(({ check }) => check === "model_answers");
    expect(found.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/page-reader:2b answered in \d+ ms\.$/),
      expect.stringMatching(/judge:8b answered in \d+ ms\.$/),
    ]);
  }
});
