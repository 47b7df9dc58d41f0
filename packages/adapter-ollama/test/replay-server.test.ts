import { expect, test } from "bun:test";

import { readCassette } from "./cassette.ts";
import { startReplayServer } from "./replay-server.ts";
import { cutAwkwardly } from "./replay-steps.ts";

interface ChatBody {
  readonly model?: string;
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
}

async function chat(url: string, body: ChatBody): Promise<Response> {
  const messages = [{ role: "user", content: "x" }];
  return fetch(`${url}/api/chat`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", messages, ...body }),
  });
}

function parseLines(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

test("answers a recorded request with the recorded lines", async () => {
  await using server = await startReplayServer();
  const recorded = readCassette().find(({ name }) => name === "chat, streamed");

  const response = await chat(server.url, { messages: [{ role: "user", content: "hello" }] });

  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  expect((await response.text()).trim().split("\n")).toEqual([...(recorded?.response.lines ?? [])]);
});

test("refuses a prompt that was recorded as too long", async () => {
  await using server = await startReplayServer();

  const response = await chat(server.url, {
    messages: [{ role: "user", content: "a".repeat(6_000) }],
  });

  expect(response.status).toBe(400);
  expect(await response.text()).toContain("exceed_context_size_error");
});

test("lets a test be the model, in the form of the recordings", async () => {
  await using server = await startReplayServer({
    models: ["qwen3-vl:8b"],
    answer: ({ body }) => `heard ${JSON.stringify(body["messages"])} 😀`,
  });

  const response = await chat(server.url, {
    model: "qwen3-vl:8b",
    messages: [{ role: "user", content: "Grüße" }],
  });

  const frames = parseLines(await response.text());
  const texts = frames.map(({ message }) => (message as { readonly content: string }).content);
  expect(texts.join("")).toBe('heard [{"role":"user","content":"Grüße"}] 😀');
  expect(frames.at(0)).toEqual({
    model: "qwen3-vl:8b",
    created_at: expect.any(String),
    message: { role: "assistant", content: "hear" },
    done: false,
  });
  expect(Object.keys(frames.at(-1) ?? {})).toEqual(
    expect.arrayContaining(["done", "done_reason", "total_duration", "prompt_eval_count"]),
  );
});

test("has the recorded models and those that were named, and no other", async () => {
  await using server = await startReplayServer({ models: ["qwen3-vl:8b"], answer: () => "x" });

  const tags = (await (await fetch(`${server.url}/api/tags`)).json()) as {
    readonly models: readonly { readonly name: string; readonly digest: string }[];
  };
  const missing = await chat(server.url, { model: "other" });

  expect(tags.models.map(({ name }) => name)).toEqual([
    "endless:latest",
    "tinyvision:latest",
    "tiny:latest",
    "qwen3-vl:8b",
  ]);
  expect(missing.status).toBe(404);
  expect(await missing.json()).toEqual({ error: "model 'other' not found" });
});

test("says so when nothing was recorded and nobody answers", async () => {
  await using server = await startReplayServer();

  const response = await chat(server.url, { messages: [{ role: "user", content: "new" }] });

  expect(response.status).toBe(500);
});

test("keeps what it received and notes no abort of an answer that was read to its end", async () => {
  await using server = await startReplayServer({ answer: () => "fine" });

  await (await chat(server.url, {})).text();
  await (await fetch(`${server.url}/api/nope`)).text();
  await server.stop();

  expect(server.requests).toMatchObject([
    { kind: "chat", path: "/api/chat", body: { model: "tiny" } },
    { kind: "other", method: "GET", path: "/api/nope" },
  ]);
  expect(server.aborts).toEqual([]);
});

test("stops with a client still waiting, and twice", async () => {
  const server = await startReplayServer({ script: [{ kind: "silence" }] });
  const waiting = chat(server.url, {}).catch(() => "gone");
  await server.waitForRequest("chat");

  await server.stop();
  await server.stop();

  expect(await waiting).toBe("gone");
});

test("cuts inside lines and inside characters, and loses nothing", () => {
  const text = `${"ä😀".repeat(50)}\n${"x".repeat(5_000)}\n`;

  const chunks = cutAwkwardly(Buffer.from(text));

  expect(Buffer.concat([...chunks]).toString()).toBe(text);
  expect(chunks.some((chunk) => chunk.toString().includes("\uFFFD"))).toBe(true);
  expect(chunks.some((chunk) => !chunk.toString().endsWith("\n"))).toBe(true);
});
