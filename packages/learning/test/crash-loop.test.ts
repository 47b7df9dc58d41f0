import { expect, test } from "bun:test";
import { join } from "node:path";

import { createHands } from "./support/hands.ts";
import { fileSubmission, textSubmission, useLearning } from "./support/learning.ts";

const setup = useLearning();

/** Runs a worker's process until it dies. */
async function runUntilDeath(
  url: string,
  inFlight: number,
): Promise<NodeJS.Signals | number | null> {
  const script = join(import.meta.dirname, "support/crashing-worker.ts");
  await using child = Bun.spawn([process.execPath, script, url, String(inFlight)], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 20_000,
  });
  await child.exited;
  return child.signalCode;
}

test("a submission that kills every worker ends dead and alone, and its neighbours complete", async () => {
  await using learning = await setup();
  const poison = await learning.submit({ ...fileSubmission, storage_key: "poison.pdf" });
  const neighbours = [
    await learning.submit({ ...textSubmission, text_body: "Eins." }),
    await learning.submit(fileSubmission),
    await learning.submit({ ...textSubmission, text_body: "Zwei." }),
  ];
  const { lapse } = createHands(learning);

  const deaths: unknown[] = [];
  const states: unknown[] = [];
  while (states.at(-1) !== "dead" && states.length < 5) {
    deaths.push(await runUntilDeath(learning.url, deaths.length === 0 ? 4 : 1));
    await lapse();
    states.push((await learning.client.getJob(poison.jobId))?.state);
  }

  expect(deaths).toEqual(["SIGKILL", "SIGKILL", "SIGKILL"]);
  expect(states).toEqual(["queued", "queued", "dead"]);
  expect(await learning.client.getJob(poison.jobId)).toMatchObject({
    code: "worker_lost",
    losses: 3,
    failures: 0,
  });
  expect(await learning.submission(poison.id)).toMatchObject({
    analysis_status: "failed",
    error_code: "vision_failed",
    vision_last_error: "The worker that ran this job stopped renewing its lease.",
  });
  for (const { id, jobId } of neighbours) {
    expect(await learning.submission(id)).toMatchObject({ analysis_status: "completed" });
    expect(await learning.client.getJob(jobId)).toMatchObject({ state: "completed", losses: 1 });
  }
}, 60_000);
