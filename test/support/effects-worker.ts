/** A worker of its own process that tells what happens to it, one JSON line per event: `effects-worker.ts <url> <lease seconds>`. */
import { createWorker } from "@leasehold/core";

import { effectsPipeline } from "./effects-pipeline.ts";

const [connection = "", leaseSeconds] = process.argv.slice(2);
const worker = createWorker({
  connection,
  pipelines: [effectsPipeline],
  concurrency: 4,
  leaseSeconds: Number(leaseSeconds),
  pollSeconds: 0.05,
});
worker.subscribe((event) => process.stdout.write(`${JSON.stringify(event)}\n`));
process.once("SIGTERM", () => void worker.stop());
await worker.start();
