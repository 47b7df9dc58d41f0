import { expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";

import { submissionPipeline } from "@leasehold/learning";
import { createTracing } from "@leasehold/telemetry";

import { renderTree, type SentSpan, startTraceCollector } from "./support/trace-collector.ts";
import { storeUpload } from "./support/uploads.ts";
import { type Bench, root, samples, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();
const document = join(root, "docs/traces.md");

/** What a web application does when a learner hands in a photo: the row and the job in one transaction. */
async function handIn(bench: Bench, collectorUrl: string): Promise<string> {
  await using tracing = createTracing({
    to: { url: `${collectorUrl}/v1/traces` },
    serviceName: "web-app",
  });
  const client = tracing.client(bench.client);
  const photo = await Bun.file(join(samples, "photo.jpg")).bytes();
  const upload = { storageKey: "photo.jpg", mediaType: "image/jpeg" };
  const { bytes, sha256, storageKey } = await storeUpload(bench, photo, upload);
  const submissionId = crypto.randomUUID();
  await bench.sql.begin(async (within) => {
    await within`
      insert into public.learning_submissions (id, student_sub, kind, storage_key, mime_type, size_bytes, sha256)
      values (${submissionId}, 'somebody', 'image', ${storageKey}, 'image/jpeg', ${bytes}, ${sha256})`;
    const input = {
      submissionId,
      kind: "image" as const,
      media: { storageKey, mediaType: "image/jpeg" as const, bytes, sha256 },
      criteria: [{ id: "c1", name: "overall", maxScore: 10 }],
      language: "de" as const,
    };
    await client.enqueue(submissionPipeline, input, { within, uniqueKey: submissionId });
  });
  return submissionId;
}

/** One submission from the host that enqueues it to the hook that completes it. */
async function follow(bench: Bench, parenting: "link" | "parent"): Promise<readonly SentSpan[]> {
  await using collector = startTraceCollector();
  const submissionId = await handIn(bench, collector.url);
  const worker = bench.startWorker({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    LEASEHOLD_TRACE_PARENTING: parenting,
  });
  await worker.waitForLog("job.completed");
  worker.signal("SIGTERM");
  await worker.ended;
  const [row] = await bench.sql`
    select analysis_status, extract(epoch from completed_at) * 1000 as at
    from public.learning_submissions where id = ${submissionId}`;
  const spans = collector.spans();
  // The hook ran while the result was written down: that is what this span shows.
  const settled = spans.findLast(({ name }) => name === "settle learning.submission");
  expect(row).toMatchObject({ analysis_status: "completed" });
  expect(Number(row?.["at"])).toBeWithin(
    (settled?.startMs ?? 0) - 100,
    (settled?.endMs ?? 0) + 100,
  );
  return spans;
}

test("one submission's trace leads from the host through both phases to the hook, as documented", async () => {
  await using linked = await cluster.setup();
  await using parented = await cluster.setup();

  const links = await follow(linked, "link");
  const children = await follow(parented, "parent");

  const trees = { link: renderTree(links), parent: renderTree(children) };
  const documented = await Bun.file(document).text();
  const rendered = renderDocument(documented, trees);
  if (Bun.env["UPDATE_DOCS"] === "1") await Bun.write(document, rendered);
  else expect(documented).toBe(rendered);
  // Each attempt is a trace of its own beside the host's, or all of it is one.
  expect(new Set(links.map(({ traceId }) => traceId)).size).toBe(3);
  expect(new Set(children.map(({ traceId }) => traceId)).size).toBe(1);
});

/** The text with the trees between their marks. */
function renderDocument(text: string, trees: Readonly<Record<string, string>>): string {
  return Object.entries(trees).reduce(
    (whole, [name, tree]) =>
      whole.replace(
        new RegExp(`(<!-- ${name}: .*? -->\\n)[\\s\\S]*?(\\n<!-- /${name} -->)`),
        (_, begin: string, end: string) => `${begin}\n\`\`\`text\n${tree}\n\`\`\`\n${end}`,
      ),
    text,
  );
}

test("a collector that is dead or silent delays no job and no exit", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  const address = silent.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const endpoints = ["http://127.0.0.1:1", `http://127.0.0.1:${port}`];
  const ends: unknown[] = [];

  for (const endpoint of endpoints) {
    await using bench = await cluster.setup();
    const worker = bench.startWorker({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_TIMEOUT: "60000",
    });
    await bench.store.submit({ studentSub: "x", content: { kind: "text", text: "Ein Text." } });
    await worker.waitForLog("job.completed");
    const toldAt = performance.now();
    worker.signal("SIGTERM");
    const { exitCode, stderr } = await worker.ended;
    // One second for the last spans; the rest is for a busy machine. Without a bound it would be a minute.
    ends.push([exitCode, stderr, performance.now() - toldAt < 20_000]);
  }
  silent.close();

  expect(ends).toEqual(endpoints.map(() => [0, "", true]));
});
