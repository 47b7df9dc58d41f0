import { expect, test } from "bun:test";

import type { ModelV1 } from "@leasehold/model";

import { createOllamaModel, type OllamaModelOptions } from "../src/index.ts";
import {
  faults,
  type ReplayServer,
  type ReplayServerOptions,
  startReplayServer,
} from "./replay-server.ts";
import { expectModelError, recordCall, request } from "./setup.ts";

interface Hosts extends AsyncDisposable {
  readonly model: ModelV1;
  readonly first: ReplayServer;
  readonly second: ReplayServer;
}

async function setupHosts(
  options: {
    readonly first?: ReplayServerOptions;
    readonly second?: ReplayServerOptions;
    readonly model?: Partial<OllamaModelOptions>;
  } = {},
): Promise<Hosts> {
  const answer = (): string => "Gut gemacht.";
  const first = await startReplayServer({ answer, ...options.first });
  const second = await startReplayServer({ answer, ...options.second });
  const model = createOllamaModel({
    baseUrl: [first.url, second.url],
    model: "tiny",
    ...options.model,
  });
  return {
    model,
    first,
    second,
    async [Symbol.asyncDispose]() {
      await model.close?.();
      await first.stop();
      await second.stop();
    },
  };
}

const chatsOf = ({ requests }: ReplayServer): number =>
  requests.filter(({ kind }) => kind === "chat").length;
const loadsOf = ({ requests }: ReplayServer): number =>
  requests.filter(({ kind }) => kind === "load").length;

async function ask(model: ModelV1): Promise<string> {
  await model.prepare?.(recordCall());
  const { text } = await model.generate(request, recordCall());
  return text;
}

test("are one resource with room for as many jobs as all of them", async () => {
  await using hosts = await setupHosts({ model: { concurrency: 2 } });

  expect(hosts.model.resource).toBe(`${hosts.first.host}+${hosts.second.host}/tiny`);
  expect(hosts.model.concurrency).toBe(4);
});

test("a call goes to the one that has the model loaded, whoever loaded it", async () => {
  await using hosts = await setupHosts();
  const other = createOllamaModel({ baseUrl: hosts.second.url, model: "tiny" });
  await other.prepare?.(recordCall());

  await ask(hosts.model);
  await ask(hosts.model);

  expect([chatsOf(hosts.first), chatsOf(hosts.second)]).toEqual([0, 2]);
  expect(loadsOf(hosts.first)).toBe(0);
});

test("a call goes to the one that is free, and is made ready there first", async () => {
  await using hosts = await setupHosts({ first: { script: [faults.slowHeaders] } });
  const controller = new AbortController();
  await hosts.model.prepare?.(recordCall());
  const busy = expectModelError(
    hosts.model.generate(request, recordCall({ signal: controller.signal })),
  );
  await hosts.first.waitForRequest("chat");

  const { text } = await hosts.model.generate(request, recordCall());
  controller.abort();

  expect(text).toBe("Gut gemacht.");
  expect((await busy).code).toBe("aborted");
  expect([loadsOf(hosts.second), chatsOf(hosts.second)]).toEqual([1, 1]);
});

test("one that is down is skipped while another lives, and then left alone for a while", async () => {
  await using hosts = await setupHosts();
  await hosts.first.stop();

  const answers = [await ask(hosts.model), await ask(hosts.model)];
  const health = await hosts.model.probe?.(new AbortController().signal);

  expect(answers).toEqual(["Gut gemacht.", "Gut gemacht."]);
  expect(chatsOf(hosts.second)).toBe(2);
  expect(health).toEqual({ status: "ok" });
});

test.each(["busy", "droppedMidStream", "errorLine", "outOfMemory", "withoutDone"] as const)(
  "a call that ends on one with %s is answered by the other",
  async (fault) => {
    await using hosts = await setupHosts({ first: { script: [faults[fault]] } });
    await hosts.model.prepare?.(recordCall());

    const { text } = await hosts.model.generate(request, recordCall());

    expect(text).toBe("Gut gemacht.");
    expect([chatsOf(hosts.first), chatsOf(hosts.second)]).toEqual([1, 1]);
  },
);

test("one without the model is skipped", async () => {
  const tags = JSON.stringify({ error: "model 'new:1b' not found" });
  await using hosts = await setupHosts({
    first: {
      script: ({ kind }) =>
        kind === "load" || kind === "chat"
          ? { kind: "reply", status: 404, contentType: "application/json", body: tags }
          : undefined,
    },
    second: { models: ["new:1b"] },
    model: { model: "new:1b" },
  });

  expect(await ask(hosts.model)).toBe("Gut gemacht.");
  expect(chatsOf(hosts.second)).toBe(1);
});

test("what is the job's own fault is nobody's to try again", async () => {
  await using hosts = await setupHosts({
    first: { script: [{ kind: "replay", name: "image is not an image" }] },
  });
  await hosts.model.prepare?.(recordCall());

  const error = await expectModelError(hosts.model.generate(request, recordCall()));

  expect(error.code).toBe("input_corrupt");
  expect(chatsOf(hosts.second)).toBe(0);
});

test("when all are down it is an outage, and the first that comes back is asked", async () => {
  await using hosts = await setupHosts({
    first: { script: [faults.dropped] },
    second: { script: [faults.dropped] },
  });

  const error = await expectModelError(hosts.model.generate(request, recordCall()));
  const { text } = await hosts.model.generate(request, recordCall());

  expect(error).toMatchObject({ code: "backend_unreachable", scope: "backend", retryable: true });
  expect(text).toBe("Gut gemacht.");
});

test("an abort is for all of them", async () => {
  await using hosts = await setupHosts({ first: { script: [faults.slowHeaders] } });
  const controller = new AbortController();
  const call = expectModelError(
    hosts.model.generate(request, recordCall({ signal: controller.signal })),
  );
  await hosts.first.waitForRequest("chat");

  controller.abort();

  expect((await call).code).toBe("aborted");
  expect(chatsOf(hosts.second)).toBe(0);
});

test("each is named once, and every address is checked", () => {
  const create = (baseUrl: readonly string[]) => (): unknown =>
    createOllamaModel({ baseUrl, model: "tiny" });

  expect(create(["http://gpu-1:11434", "http://gpu-1:11434/"])).toThrow("name each server once");
  expect(create(["http://gpu-1:11434", "https://ollama.example.org"])).toThrow(
    /baseUrl\.1: host "ollama\.example\.org" is neither/,
  );
  expect(create([])).toThrow("baseUrl");
});
