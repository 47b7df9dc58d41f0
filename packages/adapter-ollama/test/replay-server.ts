import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { createRequestLog } from "@leasehold/model/testing";

import { findRecordedChat, readCassette, type RecordedExchange } from "./cassette.ts";
import { createReplayCatalogue } from "./replay-catalogue.ts";
import {
  act,
  actRecording,
  type FrameTemplates,
  type ReplayStep,
  type Stage,
} from "./replay-steps.ts";

export { faults, garbageLine, type ReplayStep } from "./replay-steps.ts";

/** What a request is for. A `load` is a chat without messages. */
export type RequestKind =
  "chat" | "load" | "tags" | "version" | "show" | "ps" | "pull" | "root" | "other";

/** A request as the server got it. */
export interface ReceivedRequest {
  readonly kind: RequestKind;
  readonly method: string;
  readonly path: string;
  /** Parsed, or an empty object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A step for the next request of a kind. */
export type ScriptedStep = ReplayStep & {
  /** Default: `chat`. */
  readonly on?: RequestKind;
};

/** How a server answers. Without any of it: as recorded. */
export interface ReplayServerOptions {
  /** Default: the recordings of this package. */
  readonly cassette?: readonly RecordedExchange[];
  /** Steps in order, each for one request of its kind; or a choice for every request. */
  readonly script?:
    readonly ScriptedStep[] | ((request: ReceivedRequest) => ReplayStep | undefined);
  /** Is the model, for chats that neither script nor cassette answers. */
  readonly answer?: (request: ReceivedRequest) => string;
  /** Default: a free one. */
  readonly port?: number;
  /** Models that the server has besides the recorded ones. They read pictures. */
  readonly models?: readonly string[];
  /** Default: as recorded, which is a build without a number. */
  readonly version?: string;
  /** Part of a loaded model that lies in the memory of a GPU. Default: as recorded, none. */
  readonly gpuShare?: number;
}

/** A server that behaves like Ollama, over real HTTP. */
export interface ReplayServer extends AsyncDisposable {
  readonly url: string;
  /** `host:port`. */
  readonly host: string;
  readonly requests: readonly ReceivedRequest[];
  /** Requests whose client went away before the answer was over. */
  readonly aborts: readonly ReceivedRequest[];
  /** Adds steps to a script that is a list. */
  play(...steps: readonly ScriptedStep[]): void;
  waitForRequest(kind: RequestKind): Promise<ReceivedRequest>;
  waitForAbort(kind: RequestKind): Promise<ReceivedRequest>;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** Starts a server on a port of its own. */
export async function startReplayServer(options: ReplayServerOptions = {}): Promise<ReplayServer> {
  const cassette = options.cassette ?? readCassette();
  const director = createDirector(cassette, options);
  const requests = createRequestLog<ReceivedRequest>();
  const aborts = createRequestLog<ReceivedRequest>();
  const stopping = new AbortController();

  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const client = new AbortController();
    response.once("close", () => client.abort());
    const request = await receive(message);
    // The client went away while it was still speaking.
    if (request === undefined) return;
    requests.add(request);
    const step = director.choose(request);
    const isDropped = step.kind === "drop" || (step.kind === "stream" && step.end === "drop");
    client.signal.addEventListener("abort", () => {
      // A connection that this side closed, or that got its whole answer, was not given up by the client.
      if (!response.writableFinished && !isDropped && !stopping.signal.aborted) aborts.add(request);
    });
    const stage: Stage = {
      response,
      over: AbortSignal.any([client.signal, stopping.signal]),
      model: String(request.body["model"]),
      promptCharacters: countCharacters(request.body["messages"]),
      templates: director.templates,
    };
    if (step.kind === "replay") await actRecording(director.find(step.name).response, stage);
    else await act(step, stage);
  };
  const server = createServer((message, response) => {
    handle(message, response).catch((error: unknown) => {
      // A fault of the test, not of the server that is played: it must be seen.
      response.destroy();
      queueMicrotask(() => {
        throw error;
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= new Promise<void>((resolve) => {
      stopping.abort();
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return stopped;
  };
  return {
    url: `http://${host}`,
    host,
    requests: requests.entries,
    aborts: aborts.entries,
    play: director.play,
    waitForRequest: requests.waitFor,
    waitForAbort: aborts.waitFor,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Director {
  readonly templates: FrameTemplates;
  choose(request: ReceivedRequest): ReplayStep;
  find(name: string): RecordedExchange;
  play(this: void, ...steps: readonly ScriptedStep[]): void;
}

/** Decides how each request is answered. */
function createDirector(
  cassette: readonly RecordedExchange[],
  options: ReplayServerOptions,
): Director {
  const { script = [], answer } = options;
  const queue: ScriptedStep[] = typeof script === "function" ? [] : [...script];
  const find = (name: string): RecordedExchange => {
    const recorded = cassette.find((exchange) => exchange.name === name);
    if (recorded === undefined) throw new Error(`The cassette has no exchange "${name}".`);
    return recorded;
  };
  const readLine = (name: string, index: number): Readonly<Record<string, unknown>> =>
    JSON.parse(find(name).response.lines.at(index) ?? "") as Readonly<Record<string, unknown>>;

  const catalogue = createReplayCatalogue(readLine, options);
  const chooseScripted = (request: ReceivedRequest): ReplayStep | undefined => {
    if (typeof script === "function") return script(request);
    const index = queue.findIndex(({ on = "chat" }) => on === request.kind);
    return index === -1 ? undefined : queue.splice(index, 1)[0];
  };
  const chooseChat = (request: ReceivedRequest): ReplayStep => {
    const recorded = findRecordedChat(cassette, request.body);
    if (recorded !== undefined) return { kind: "replay", name: recorded.name };
    const model = String(request.body["model"]);
    if (!catalogue.has(model)) return reply(404, { error: `model '${model}' not found` });
    catalogue.load(request.body);
    if (answer !== undefined) return { kind: "answer", text: answer(request) };
    return reply(500, { error: "nothing was recorded for this request" });
  };
  return {
    templates: {
      piece: readLine("chat with schema, streamed", 0),
      last: readLine("chat with schema, streamed", -1),
    },
    find,
    play: (...steps) => void queue.push(...steps),
    choose(request) {
      const scripted = chooseScripted(request);
      if (scripted !== undefined) return scripted;
      if (request.kind === "chat") return chooseChat(request);
      if (request.kind === "other") return { kind: "replay", name: "unknown route" };
      if (request.kind === "root") return { kind: "replay", name: "root" };
      if (request.kind === "pull") return { kind: "replay", name: "pull of an unreachable model" };
      const { status, body } = catalogue.answer(request.kind, request.body);
      return reply(status, body);
    },
  };
}

function countCharacters(messages: unknown): number {
  if (!Array.isArray(messages)) return 0;
  return messages.reduce<number>(
    (sum, { content = "" }: { readonly content?: string }) => sum + content.length,
    0,
  );
}

function reply(status: number, body: object): ReplayStep {
  const contentType = "application/json; charset=utf-8";
  return { kind: "reply", status, contentType, body: JSON.stringify(body) };
}

async function receive(message: IncomingMessage): Promise<ReceivedRequest | undefined> {
  const raw = await text(message).catch(() => undefined);
  if (raw === undefined) return undefined;
  const body = (raw === "" ? {} : JSON.parse(raw)) as Readonly<Record<string, unknown>>;
  const method = message.method ?? "";
  const path = message.url ?? "";
  return { kind: toKind(`${method} ${path}`, body), method, path, body };
}

const kinds: Readonly<Record<string, RequestKind>> = {
  "GET /": "root",
  "GET /api/version": "version",
  "GET /api/tags": "tags",
  "GET /api/ps": "ps",
  "POST /api/show": "show",
  "POST /api/pull": "pull",
};

function toKind(route: string, { messages }: Readonly<Record<string, unknown>>): RequestKind {
  if (route !== "POST /api/chat") return kinds[route] ?? "other";
  return Array.isArray(messages) && messages.length > 0 ? "chat" : "load";
}
