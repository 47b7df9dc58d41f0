import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { explanation, feedback, models, transcript } from "./support/fake-ollama.ts";
import { type FakeOpenAi, type OpenAiRequest, startFakeOpenAi } from "./support/fake-openai.ts";
import { type Bench, samples, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();
const key = "sk-canary-4711";
const essay = "Der Bach ist im Sommer schmal. Im März wird er breit und laut.";

interface OpenAiBench extends Bench {
  readonly server: FakeOpenAi;
}

async function setup(): Promise<OpenAiBench> {
  const server = await startFakeOpenAi();
  const bench = await cluster.setup({
    AI_BACKEND: "openai",
    AI_VISION_MODEL: models.vision,
    AI_FEEDBACK_MODEL: models.feedback,
    OPENAI_BASE_URL: server.url,
    OPENAI_API_KEY: key,
    WORKER_POLL_INTERVAL: "0.1",
  });
  return {
    ...bench,
    server,
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What a chat was sent, as text. */
function sent({ body }: OpenAiRequest): string {
  return JSON.stringify(body["messages"]);
}

test("reads and assesses with models behind an OpenAI-style server, and stores what they said", async () => {
  await using bench = await setup();
  const photo = join(samples, "photo.jpg");
  const submissions = [
    await bench.run(["submit", photo, "--criterion", "Rechenweg:4"]),
    await bench.run(["submit", "-", "--criterion", "Inhalt"], {}, essay),
  ].map(({ stdout }) => stdout.trim());
  const worker = bench.startWorker();
  for (const id of submissions) {
    const { jobId = "" } = (await bench.store.readSubmission(id)) ?? {};
    await bench.client.waitForJob(jobId, { pollIntervalMs: 50 });
  }

  const [read, typed] = await Promise.all(
    submissions.map(async (id) => await bench.store.readSubmission(id)),
  );

  expect(read).toMatchObject({
    status: "completed",
    text: transcript,
    feedbackMd: feedback,
    analysis: {
      criteria_results: [
        { criterion: "Rechenweg", score: 3, explanation_md: `${explanation}\n\n> ${transcript}` },
      ],
    },
    provenance: {
      vision: { adapter: "openai", model: models.vision },
      feedback: { adapter: "openai", model: models.feedback },
    },
  });
  expect(typed).toMatchObject({ status: "completed", feedbackMd: feedback });
  const chats = bench.server.requests.filter(({ kind }) => kind === "chat");
  const pages = chats.filter(({ body }) => body["model"] === models.vision);
  expect(pages.map((chat) => sent(chat).includes("data:image/jpeg;base64,"))).toEqual([true]);
  expect(chats.filter((chat) => sent(chat).includes("Im März wird er breit"))).toHaveLength(2);
  expect(chats.map(({ headers }) => headers["authorization"])).toEqual(
    chats.map(() => `Bearer ${key}`),
  );
  const { stdout, stderr } = worker.output();
  expect(`${stdout}${stderr}`).not.toContain(key);
});
