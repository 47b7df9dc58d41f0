import { expect, test } from "bun:test";

import { createOllamaServer, type OllamaPullProgress } from "../src/index.ts";
import { faults, type ReplayStep, startReplayServer } from "./replay-server.ts";
import { canary, expectModelError } from "./setup.ts";

const signal = new AbortController().signal;

function news(...lines: readonly object[]): ReplayStep {
  return {
    kind: "stream",
    pieces: [],
    lines: lines.map((line) => JSON.stringify(line)),
    end: "close",
  };
}

test("tells what a server has, what it holds in memory, and has it forget", async () => {
  await using replay = await startReplayServer({ gpuShare: 1 });
  const server = createOllamaServer({ baseUrl: replay.url });

  const stored = await server.listStored(signal);
  const before = await server.listLoaded(signal);
  await fetch(`${replay.url}/api/chat`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", messages: [], options: { num_ctx: 4_096 } }),
  });
  const loaded = await server.listLoaded(signal);
  await server.unload("tiny", signal);
  const after = await server.listLoaded(signal);

  expect(server.host).toBe(replay.host);
  expect(stored).toContainEqual({ name: "tiny:latest", bytes: expect.any(Number) });
  expect(before).toEqual([]);
  expect(loaded).toEqual([
    {
      name: "tiny:latest",
      bytes: loaded[0]?.gpuBytes ?? 0,
      gpuBytes: expect.any(Number),
      contextLength: 4_096,
    },
  ]);
  expect(after).toEqual([]);
});

test("sums up how far a download is", async () => {
  await using replay = await startReplayServer({
    script: [
      {
        on: "pull",
        ...news(
          { status: "pulling manifest" },
          { status: "pulling a", digest: "a", total: 100 },
          { status: "pulling a", digest: "a", total: 100, completed: 60 },
          { status: "pulling b", digest: "b", total: 50, completed: 10 },
          { status: "verifying sha256 digest" },
          { status: "success" },
        ),
      },
    ],
  });
  const seen: OllamaPullProgress[] = [];

  await createOllamaServer({ baseUrl: replay.url }).pull("new:1b", {
    signal,
    onProgress: (progress) => seen.push(progress),
  });

  expect(
    seen.map(({ stage, bytesDone, bytesTotal }) => `${stage} ${bytesDone}/${bytesTotal}`),
  ).toEqual([
    "manifest 0/0",
    "download 0/100",
    "download 60/100",
    "download 70/150",
    "finish 70/150",
    "finish 70/150",
  ]);
  expect(replay.requests[0]?.body).toMatchObject({ name: "new:1b", stream: true });
});

test.each([
  [
    "cannot be reached",
    { kind: "replay", name: "pull of an unreachable model" },
    "registry_unreachable",
  ],
  [
    "has no such model",
    news({ error: "pull model manifest: file does not exist" }),
    "model_unknown",
  ],
  ["fills the disk", news({ error: `write /${canary}: no space left on device` }), "disk_full"],
  [
    "wants a newer server",
    news({ error: "requires a newer version of Ollama" }),
    "server_outdated",
  ],
  ["breaks off", news({ status: "pulling manifest" }), "answer_cut"],
  ["is cut", faults.droppedMidStream ?? { kind: "drop" }, "answer_cut"],
] as const)("a download that %s is an error in our words", async (_, step, adapterCode) => {
  await using replay = await startReplayServer({ script: [{ on: "pull", ...step }] });

  const error = await expectModelError(
    createOllamaServer({ baseUrl: replay.url }).pull("new:1b", { signal }),
  );

  expect(error.adapterCode).toBe(adapterCode);
});

test("a download ends at the server when it is given up here", async () => {
  await using replay = await startReplayServer({
    script: [{ on: "pull", kind: "stream", pieces: [], end: "stall" }],
  });
  const controller = new AbortController();
  const pulling = expectModelError(
    createOllamaServer({ baseUrl: replay.url }).pull("new:1b", { signal: controller.signal }),
  );
  await replay.waitForRequest("pull");

  controller.abort();

  expect((await pulling).code).toBe("aborted");
  await replay.waitForAbort("pull");
});

test("refuses an address out of the private network", () => {
  expect(() => createOllamaServer({ baseUrl: "https://ollama.example.org" })).toThrow(
    "neither this machine nor a private network",
  );
});
