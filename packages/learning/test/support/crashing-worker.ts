/** A worker's process that dies as soon as it works on a poisoned submission: `crashing-worker.ts <url> <in flight>`. */
import { createWorker } from "@leasehold/core";

import { submissionPipeline } from "../../src/submission-pipeline.ts";
import { answer, createFakeAdapter } from "./fake-adapter.ts";

const [url = "", inFlight = "1"] = process.argv.slice(2);
let runs = 0;
const together = Promise.withResolvers<void>();

const adapter = createFakeAdapter({
  async execute(request) {
    runs += 1;
    if (runs === Number(inFlight)) together.resolve();
    await together.promise;
    if (JSON.stringify(request.input).includes("poison")) process.kill(process.pid, "SIGKILL");
    // Whoever is in flight with the poison dies with it.
    if (inFlight !== "1") await new Promise(() => undefined);
    return answer(request);
  },
});

const worker = createWorker({
  connection: url,
  pipelines: [submissionPipeline],
  adapters: [adapter],
});
await worker.start();
