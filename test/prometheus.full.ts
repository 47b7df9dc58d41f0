import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { chatsWith, models, startFakeOllama } from "./support/fake-ollama.ts";
import { mayBeMissing } from "./support/may-be-missing.ts";
import {
  type Expression,
  listDashboardExpressions,
  readDashboard,
  readRuleExpressions,
  rulesPath,
  splitAlert,
} from "./support/monitoring.ts";
import { findPrometheus, type Prometheus, startPrometheus } from "./support/prometheus.ts";
import { storeUpload } from "./support/uploads.ts";
import { type Bench, samples, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(280_000);

const cluster = useCluster();
const program = await findPrometheus("prometheus");
afterAll(() => program?.[Symbol.asyncDispose]());

/** Where it must be, a missing tool fails its test instead. */
const isMissing = program === undefined && mayBeMissing;
if (isMissing) process.stderr.write("skipped: no prometheus, and apt-get fetched none\n");

const patienceMs = 120_000;
const lifetimeMs = 270_000;
/** What passes for load on a small machine. */
const jobsMin = 40;

/** Texts by which the model server knows what to do. */
const texts = {
  good: "Der Bach ist im Sommer schmal.",
  /** Its judgement never holds. */
  odd: "Das versteht niemand.",
  /** Nothing comes back, while somebody hangs on it. */
  slow: "Darauf kommt lange nichts.",
} as const;

/** Submits one of each kind: a text, a picture, what leads to no scores, what is no document. */
async function submitRound(bench: Bench): Promise<void> {
  const submit = async (content: Parameters<Bench["store"]["submit"]>[0]["content"]) =>
    await bench.store.submit({ studentSub: "s", criteria: ["Inhalt"], content });
  const photo = await Bun.file(join(samples, "photo.jpg")).bytes();
  await submit({ kind: "text", text: texts.good });
  await submit({ kind: "text", text: texts.odd });
  await submit(
    await storeUpload(bench, Buffer.from(photo), {
      storageKey: "photo.jpg",
      mediaType: "image/jpeg",
    }),
  );
  await submit(
    await storeUpload(bench, Buffer.from("%PDF-1.7 broken\n%%EOF\n"), {
      storageKey: "broken.pdf",
      mediaType: "application/pdf",
    }),
  );
}

/** Whether something is shown for an expression, and not for want of anything to divide. */
async function hasData(prometheus: Prometheus, { text }: Expression): Promise<boolean> {
  const found = await prometheus.query(text);
  return found.some(({ value }) => Number.isFinite(value));
}

/** Waits until the worker was scraped, so that what happens next is seen to happen. */
async function untilScraped(prometheus: Prometheus): Promise<void> {
  const over = performance.now() + patienceMs;
  while (!(await hasData(prometheus, { at: "", text: "ai_worker_lease_lapsed_total" }))) {
    if (performance.now() > over) throw new Error("Prometheus does not scrape.");
    await Bun.sleep(100);
  }
}

/** Works on until enough jobs have ended and every expression has data at once; answers those that then have none. */
async function workUntilAllShow(
  bench: Bench,
  prometheus: Prometheus,
  expressions: readonly Expression[],
): Promise<readonly Expression[]> {
  const over = performance.now() + patienceMs;
  for (;;) {
    for (let round = 0; round < 5; round += 1) await submitRound(bench);
    await Bun.sleep(1_000);
    const shown = await Promise.all(expressions.map((each) => hasData(prometheus, each)));
    const silent = expressions.filter((_, index) => shown[index] !== true);
    const isEnough = silent.length === 0 && (await countEnded(prometheus)) >= jobsMin;
    if (isEnough || performance.now() > over) return silent;
  }
}

async function countEnded(prometheus: Prometheus): Promise<number> {
  const [ended] = await prometheus.query("sum(ai_worker_processed_total)");
  return ended?.value ?? 0;
}

// The reason is printed above: skipped: no prometheus.
test.skipIf(isMissing)(
  "a real Prometheus has data for every expression of dashboard and alerts",
  async () => {
    if (program === undefined) throw new Error("CI must be able to fetch prometheus.");
    let hangs = true;
    await using ollama = await startFakeOllama({
      script({ kind, body }) {
        const words = JSON.stringify(body["messages"] ?? "");
        if (kind !== "chat") return undefined;
        if (words.includes(texts.slow) && hangs) return { kind: "silence" };
        return words.includes(texts.odd) ? { kind: "answer", text: "{}" } : undefined;
      },
    });
    const variables = {
      AI_BACKEND: "local",
      AI_VISION_MODEL: models.vision,
      AI_FEEDBACK_MODEL: models.feedback,
      OLLAMA_BASE_URL: ollama.url,
      WORKER_POLL_INTERVAL: "0.1",
      WORKER_LEASE_SECONDS: "3",
    };
    await using bench = await cluster.setup(variables, { lifetimeMs });
    const doomed = bench.startWorker({ WORKER_CONCURRENCY: "5" });
    await doomed.waitForLog("worker.started");
    for (const model of Object.values(models)) {
      await bench.client.setResource(`${new URL(ollama.url).host}/${model}`, { concurrency: 5 });
    }
    for (let number = 0; number < 5; number += 1) {
      const content = { kind: "text", text: texts.slow } as const;
      await bench.store.submit({ studentSub: "s", criteria: ["Inhalt"], content });
    }
    await doomed.waitFor("five calls that hang", () =>
      chatsWith(models.feedback, ollama).length >= 5 ? true : undefined,
    );
    const worker = bench.startWorker({ WORKER_CONCURRENCY: "5" });
    const { host } = new URL(await worker.origin());
    await using prometheus = await startPrometheus(program, { targets: [host], rulesPath });
    await untilScraped(prometheus);
    // Its leases lapse while another worker is being watched: an alert that waits for nothing.
    doomed.signal("SIGKILL");
    hangs = false;

    const dashboard = listDashboardExpressions(readDashboard());
    const alerts = readRuleExpressions().flatMap(splitAlert);
    const silent = await workUntilAllShow(bench, prometheus, [...dashboard, ...alerts]);
    const rules = await prometheus.rules();
    const ended = await countEnded(prometheus);

    process.stderr.write(
      `${dashboard.length} expressions of the dashboard and ${alerts.length} of ` +
        `${rules.length} alerts have data, after ${ended} jobs\n`,
    );
    expect(silent).toEqual([]);
    expect(ended).toBeGreaterThanOrEqual(jobsMin);
    expect(rules.map(({ name }) => name)).toEqual(readRuleExpressions().map(({ at }) => at));
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
    expect(rules.find(({ name }) => name === "LeaseholdLeasesLost")?.state).toBe("firing");
  },
);
