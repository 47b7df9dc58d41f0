import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { mayBeMissing } from "./support/may-be-missing.ts";
import { fetchLlamaServer, startLlamaServer } from "./support/real-inference/llama-server.ts";
import { submitMixture } from "./support/real-inference/submissions.ts";
import { useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(300_000);

const cluster = useCluster();
const model = "judge";
const count = 10;

const fetched = await fetchLlamaServer();
if (typeof fetched === "string") process.stderr.write(`skipped: no llama-server: ${fetched}\n`);
/** Where it must be there, a server that is missing fails its test instead. */
const isSkipped = typeof fetched === "string" && mayBeMissing;

// The reason is printed above: skipped: no llama-server.
test.skipIf(isSkipped)(
  "llama.cpp's own server, which nobody adapted to us, serves every text under our schemas",
  async () => {
    if (typeof fetched === "string") throw new Error(fetched);
    await using unpacked = fetched;
    await using server = await startLlamaServer(unpacked, model);
    await using bench = await cluster.setup({
      AI_BACKEND: "openai",
      AI_VISION_MODEL: model,
      AI_FEEDBACK_MODEL: model,
      OPENAI_BASE_URL: server.url,
      WORKER_POLL_INTERVAL: "0.2",
    });
    const storageRoot = join(bench.dataDir, "uploads");
    const ids = await submitMixture(bench.store, { count, storageRoot, textsOnly: true });
    const startedAt = performance.now();
    bench.startWorker();

    const jobs = await Promise.all(
      ids.map(async (id) => {
        const { jobId = "" } = (await bench.store.readSubmission(id)) ?? {};
        return await bench.client.waitForJob(jobId, { pollIntervalMs: 200 });
      }),
    );
    const reports = await Promise.all(ids.map((id) => bench.store.readSubmission(id)));

    const paths = reports.map((report) => report?.path ?? "none");
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stderr.write(`llama-server: ${JSON.stringify({ paths, seconds })}\n`);
    expect(jobs.map(({ state, outages }) => ({ state, outages }))).toEqual(
      ids.map(() => ({ state: "completed", outages: 0 })),
    );
    // Prose without a schema may be too short for us; then the one plain question is asked, which has one.
    expect(paths).not.toContain("degraded");
    for (const report of reports) {
      expect(report?.provenance).toMatchObject({
        feedback: { adapter: "openai", model, options: { response_format: "json_schema" } },
      });
    }
  },
);
