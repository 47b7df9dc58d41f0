import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

test("an error that nobody caught is told without what it holds", async () => {
  await using bench = await cluster.setup();
  const preload = join(bench.path, "fault.ts");
  await writeFile(
    preload,
    `const message = "Kanarienvogel\\n    at kanarienvogel (line)";
     const fail = () => { throw Object.assign(new TypeError(message), { detail: "Kanarienvogel" }); };
     process.on("SIGUSR2", () => setTimeout(fail));`,
  );
  const worker = bench.startWorker({ BUN_OPTIONS: `--preload=${preload}` });
  await worker.waitForLog("worker.started");

  worker.signal("SIGUSR2");
  const { exitCode, stdout, stderr } = await worker.ended;

  expect(exitCode).toBe(1);
  expect(stderr).toStartWith("Unexpected TypeError; please report this.\n    at ");
  expect((stdout + stderr).toLowerCase()).not.toContain("kanarienvogel");
});
