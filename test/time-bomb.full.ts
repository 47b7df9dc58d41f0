import { expect, setDefaultTimeout, test } from "bun:test";

import { heavyPdfs, timeBombPdf } from "./support/hostile-files/pdfs.ts";
import { storeUpload } from "./support/uploads.ts";
import { useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(300_000);

const cluster = useCluster();

test("kills what takes for ever at its limit, while its neighbours keep their leases", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker({
    WORKER_CONCURRENCY: "2",
    WORKER_LEASE_SECONDS: "3",
    WORKER_POLL_INTERVAL: "0.1",
    LEASEHOLD_STUB_MARKERS: "on",
  });
  const content = await storeUpload(bench, timeBombPdf(), {
    storageKey: "bomb.pdf",
    mediaType: "application/pdf",
  });

  const bomb = await bench.store.submit({ studentSub: "s", content });
  const text = "Nebenan [[stub: slow 5000]] wird gearbeitet.";
  const neighbour = await bench.store.submit({
    studentSub: "s",
    content: { kind: "text", text },
  });
  const [exploded, spared] = await Promise.all(
    [bomb, neighbour].map(({ jobId }) => bench.client.waitForJob(jobId)),
  );
  const report = await bench.store.readSubmission(bomb.id);

  const ms = exploded?.attempts.at(-1)?.ms;
  process.stderr.write(`The document was killed after ${ms} ms.\n`);
  expect(report).toMatchObject({ status: "failed", errorCode: "input_too_large" });
  // A machine that has no time for it counts as an outage, and it is tried again.
  expect(exploded?.failures).toBe(0);
  expect(spared).toMatchObject({ state: "completed", losses: 0, outages: 0 });
  expect(worker.log().map(({ msg }) => msg)).not.toContain("lease.lost");
  expect(worker.log().map(({ msg }) => msg)).not.toContain("lease.lapsed");
});

test.each(heavyPdfs)("takes seconds for $name, and then is $end", async ({ make, end, name }) => {
  await using bench = await cluster.setup();
  bench.startWorker({ WORKER_POLL_INTERVAL: "0.1" });
  const content = await storeUpload(bench, make(), {
    storageKey: "heavy.pdf",
    mediaType: "application/pdf",
  });

  const { id, jobId } = await bench.store.submit({ studentSub: "s", content });
  const job = await bench.client.waitForJob(jobId);
  const report = await bench.store.readSubmission(id);

  process.stderr.write(`${name}: ${job.attempts[0]?.ms} ms\n`);
  expect(report?.errorCode ?? report?.status).toBe(end);
});
