import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { disguises } from "./support/hostile-files/disguises.ts";
import { secret } from "./support/hostile-files/hostile-file.ts";
import { jpegs } from "./support/hostile-files/jpegs.ts";
import { pdfs } from "./support/hostile-files/pdfs.ts";
import { pngs } from "./support/hostile-files/pngs.ts";
import { storeUpload, type Upload } from "./support/uploads.ts";
import { type Bench, samples, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(240_000);

const cluster = useCluster();

const memoryGrowthMax = 100_000_000;
const hasProc = process.platform === "linux";
const corrupt = "input_corrupt";

/** Files of whatever kind, with a name of ours. */
const files = [...disguises, ...pngs, ...jpegs, ...pdfs];

/** Uploads that are not what was recorded, or do not lie where they should. All are corrupt. */
const misplaced: Readonly<Record<string, (bench: Bench) => Promise<Upload>>> = {
  "bytes that are not the recorded ones": async (bench) => ({
    ...(await storePhoto(bench, "f.jpg")),
    sha256: "0".repeat(64),
  }),
  "more bytes than were recorded": async (bench) => ({
    ...(await storePhoto(bench, "e.jpg")),
    bytes: 1,
  }),
  "a picture recorded as a document": async (bench) => ({
    ...(await storePhoto(bench, "g.pdf")),
    kind: "file",
    mediaType: "application/pdf",
  }),
  async "a key that leads out of the storage"(bench) {
    const bytes = await readFile(join(samples, "photo.jpg"));
    // It lies where the key leads to, so that only the refusal keeps it from being read.
    await writeFile(join(bench.dataDir, "secret.jpg"), bytes);
    return { ...(await storePhoto(bench, "h.jpg")), storageKey: "../secret.jpg" };
  },
  "a key that leads to the machine": async (bench) => ({
    ...(await storePhoto(bench, "h.jpg")),
    storageKey: "/etc/passwd",
  }),
  async "a link that leads out of the storage"(bench) {
    const upload = await storePhoto(bench, "i.jpg");
    const outside = join(bench.path, "outside.jpg");
    await writeFile(outside, await readFile(join(samples, "photo.jpg")));
    await symlink(outside, join(bench.dataDir, "uploads/link.jpg"));
    return { ...upload, storageKey: "link.jpg" };
  },
  "a key that nothing lies under": async (bench) => ({
    ...(await storePhoto(bench, "j.jpg")),
    storageKey: "nothing.jpg",
  }),
  "a key that names a folder": async (bench) => ({
    ...(await storePhoto(bench, "folder/j.jpg")),
    storageKey: "folder",
  }),
};

async function storePhoto(bench: Bench, storageKey: string): Promise<Upload> {
  const bytes = await readFile(join(samples, "photo.jpg"));
  return await storeUpload(bench, bytes, { storageKey, mediaType: "image/jpeg" });
}

test("ends every hostile upload with its code, and costs its neighbours nothing", async () => {
  await using bench = await cluster.setup();
  // With a lease this short, a worker that a document keeps from its work loses its other jobs.
  const worker = bench.startWorker({
    WORKER_CONCURRENCY: "4",
    WORKER_LEASE_SECONDS: "3",
    WORKER_POLL_INTERVAL: "0.1",
    LEASEHOLD_STUB_MARKERS: "on",
  });
  const finish = async (content: Upload | { readonly kind: "text"; readonly text: string }) => {
    const { id, jobId } = await bench.store.submit({ studentSub: "s", content });
    const job = await bench.client.waitForJob(jobId, { pollIntervalMs: 50 });
    return { job, report: await bench.store.readSubmission(id) };
  };
  await finish(await storePhoto(bench, "first.jpg"));
  const memory = hasProc ? await watchPeakMemory(worker.pid) : undefined;

  const neighbours = [
    // Each holds a slot for four seconds, and the hostile ones take turns in the other two.
    ...[1, 2].map((number) =>
      finish({ kind: "text", text: `Nachbar ${number} [[stub: slow 2000]] schreibt.` }),
    ),
    storePhoto(bench, "good.jpg").then(finish),
  ];
  const stored = [
    ...files.map(({ make, mediaType }, index) =>
      storeUpload(bench, make(), { storageKey: `upload-${index}`, mediaType }),
    ),
    ...Object.values(misplaced).map((store) => store(bench)),
  ];
  const ends = await Promise.all(stored.map(async (upload) => await finish(await upload)));
  const good = await Promise.all(neighbours);
  const growth = await memory?.growth();

  const names = [...files.map(({ name }) => name), ...Object.keys(misplaced)];
  const wanted = [...files.map(({ end }) => end), ...Object.keys(misplaced).map(() => corrupt)];
  const found = ends.map(({ report }) => report?.errorCode ?? report?.status);
  expect(names.map((name, index) => `${name}: ${found[index]}`)).toEqual(
    names.map((name, index) => `${name}: ${wanted[index]}`),
  );
  for (const { job, report } of ends) {
    if (report?.status === "completed") continue;
    expect(report).toMatchObject({ status: "failed", feedbackMd: undefined, analysis: undefined });
    // What no retry can mend is not tried again.
    expect(job.attempts.map(({ phase, outcome }) => `${phase} ${outcome}`)).toEqual([
      "vision failed",
    ]);
  }
  expect(good.map(({ report }) => report?.status)).toEqual(good.map(() => "completed"));
  expect(good.map(({ job }) => job.losses + job.failures + job.outages)).toEqual(good.map(() => 0));
  expect(worker.log().map(({ msg }) => msg)).not.toContain("lease.lost");
  expect(worker.log().map(({ msg }) => msg)).not.toContain("lease.lapsed");
  const { stdout, stderr } = worker.output();
  expect(`${stdout}${stderr}${JSON.stringify(ends.map(({ job }) => job))}`).not.toContain(secret);
  if (growth === undefined) process.stderr.write("skipped: memory is only seen through /proc\n");
  else expect(growth).toBeLessThan(memoryGrowthMax);
});

/** Begins to watch the most memory that a process ever holds. */
async function watchPeakMemory(pid: number): Promise<{ readonly growth: () => Promise<number> }> {
  const read = async (field: string): Promise<number> => {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
  };
  const before = await read("VmRSS");
  // Forgets the peak so far.
  await writeFile(`/proc/${pid}/clear_refs`, "5");
  return { growth: async () => (await read("VmHWM")) - before };
}
