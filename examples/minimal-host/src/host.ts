// A web app that keeps a summary of every reading it is sent, made by a worker in its own process.
import { once } from "node:events";

import { createClient, createWorker, definePipeline, migrate } from "@leasehold/core";
import { startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import { bearerTokens, createHealthRoutes } from "@leasehold/health-hono";
import { createTelemetry } from "@leasehold/telemetry";
import { serve } from "bun";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import postgres from "postgres";
import { z } from "zod";

// Without a database the host brings its own. Without a token it has one that nobody knows.
const { DATABASE_URL, PORT = "3000", OPERATOR_TOKEN = crypto.randomUUID() } = process.env;
const dataDir = ".leasehold/minimal-host";
// Asked for first, so that an order to stop is heard while the host starts.
const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);

// What is opened here is closed in the opposite order, however the program ends.
await using opened = new AsyncDisposableStack();
const url = DATABASE_URL ?? opened.use(await startEmbeddedPostgres({ dataDir })).url;
const sql = opened.adopt(postgres(url, { onnotice() {} }), (pool) => pool.end({ timeout: 5 }));
await migrate({ connection: url });
await sql`create table if not exists reading (id uuid primary key, summary text)`;

const summary = definePipeline({
  type: "reading.summary",
  version: 1,
  input: z.strictObject({ id: z.uuid(), body: z.string() }),
  phases: [
    {
      name: "summarise",
      output: z.strictObject({ characters: z.int() }),
      async run({ input: { id, body } }, context) {
        const [sentence = ""] = body.split(/(?<=[.!?])\s/, 1);
        // Fenced: a worker whose job has gone to another one cannot write here any more.
        const text = "update reading set summary = $1 where id = $2";
        await context.commit([{ text, parameters: [sentence, id] }]);
        return { output: { characters: sentence.length }, provenance: { by: "host@1" } };
      },
    },
  ],
});

const client = opened.use(createClient({ connection: url }));
const worker = opened.use(createWorker({ connection: url, pipelines: [summary] }));
const labels = { phases: ["summarise"], errorCodes: ["adapter_unknown", "deadline_exceeded"] };
const telemetry = opened.use(createTelemetry(labels));
telemetry.observe(worker);
await worker.start();

const app = new Hono();
app.post("/readings", bodyLimit({ maxSize: 100_000 }), async (context) => {
  const id = crypto.randomUUID();
  const body = await context.req.text();
  // One transaction: no reading without its job, and no job without its reading.
  await sql.begin(async (transaction) => {
    await transaction`insert into reading (id) values (${id})`;
    await client.enqueue(summary, { id, body }, { id, within: transaction });
  });
  return context.json({ id }, 202);
});
app.get("/readings/:id{[0-9a-f-]{36}}", async (context) => {
  const [row] = await sql`select id, summary from reading where id = ${context.req.param("id")}`;
  return row === undefined ? context.notFound() : context.json(row);
});

const isOperator = bearerTokens([OPERATOR_TOKEN]);
const health = createHealthRoutes({
  path: "/internal/health",
  // A host with accounts asks them. This one lets every scraper of its machine see the numbers.
  authorize: (request, route) => (route === "metrics" ? "allowed" : isOperator(request, route)),
  async probe() {
    const [row] = await sql<{ role: string }[]>`select current_user as role`;
    return { status: "healthy", currentRole: row?.role ?? null, checks: [] };
  },
  ready: () => worker.state() === "running",
  collect: () => telemetry.collect(),
});
app.route("/", health);
const server = opened.use(serve({ hostname: "127.0.0.1", port: PORT, fetch: app.fetch }));
process.stdout.write(`Listening on ${server.url.origin}\n`);

await stopped;
// Jobs finish first. Until then requests are answered, and /readyz says that the host is leaving.
await worker.stop();
