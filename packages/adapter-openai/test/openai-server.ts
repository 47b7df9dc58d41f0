import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setImmediate, setTimeout } from "node:timers/promises";

import { createRequestLog } from "@leasehold/model/testing";

/** What a request is for. */
export type RequestKind = "chat" | "models" | "other";

/** A request as the server got it. */
export interface ReceivedRequest {
  readonly kind: RequestKind;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed, or an empty object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** One way to answer a request, well or badly. */
export type ServerStep =
  /** A whole answer, streamed token by token. */
  | { readonly kind: "answer"; readonly text: string; readonly finish?: string }
  /** Any status and body. */
  | {
      readonly kind: "reply";
      readonly status: number;
      readonly body: string;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Events as they are, written as one text, then the end. */
  | {
      readonly kind: "events";
      readonly events: readonly string[];
      readonly end: "close" | "drop" | "stall";
    }
  /** Events that carry `piece` for ever. */
  | { readonly kind: "endless"; readonly piece: string }
  /** Bytes of one event that never ends. */
  | { readonly kind: "flood" }
  /** Not even a header, for ever. */
  | { readonly kind: "silence" }
  /** The connection is closed before a header. */
  | { readonly kind: "drop" };

/** How a server answers. */
export interface OpenAiServerOptions {
  /** A choice for every request; what it leaves open is answered well. */
  readonly script?: (request: ReceivedRequest) => ServerStep | undefined;
  /** Is the model. Default: something kind. */
  readonly answer?: (request: ReceivedRequest) => string;
  /** What `GET /models` says. Default: `tiny`. */
  readonly models?: Readonly<Record<string, unknown>>;
}

/** A server that speaks chat completions, over real HTTP. */
export interface OpenAiServer extends AsyncDisposable {
  /** Ends in `/v1`. */
  readonly url: string;
  /** `host:port`. */
  readonly host: string;
  readonly requests: readonly ReceivedRequest[];
  /** Chats that are being worked on, and the most of them that ever were at once. */
  readonly load: { readonly busy: number; readonly busyMax: number };
  waitForRequest(kind: RequestKind): Promise<ReceivedRequest>;
  /** A request whose client went away before its answer was over. */
  waitForAbort(kind: RequestKind): Promise<ReceivedRequest>;
  stop(): Promise<void>;
}

/** Starts a server on a port of its own. */
export async function startOpenAiServer(options: OpenAiServerOptions = {}): Promise<OpenAiServer> {
  const requests = createRequestLog<ReceivedRequest>();
  const aborts = createRequestLog<ReceivedRequest>();
  const load = { busy: 0, busyMax: 0 };
  const stopping = new AbortController();
  const server = createServer(async (message, response) => {
    const client = new AbortController();
    response.once("close", () => client.abort());
    const raw = await text(message).catch(() => "");
    const path = message.url ?? "";
    const body = (raw === "" ? {} : JSON.parse(raw)) as Readonly<Record<string, unknown>>;
    const request = { kind: toKind(path), path, headers: message.headers, body };
    const step = options.script?.(request) ?? chooseStep(request, options);
    const isDropped = step.kind === "drop" || (step.kind === "events" && step.end === "drop");
    if (request.kind === "chat") {
      load.busy += 1;
      load.busyMax = Math.max(load.busyMax, load.busy);
    }
    client.signal.addEventListener("abort", () => {
      if (request.kind === "chat") load.busy -= 1;
      if (!response.writableFinished && !isDropped && !stopping.signal.aborted) aborts.add(request);
    });
    requests.add(request);
    await act(step, response, AbortSignal.any([client.signal, stopping.signal]));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
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
    url: `http://${host}/v1`,
    host,
    requests: requests.entries,
    load,
    waitForRequest: requests.waitFor,
    waitForAbort: aborts.waitFor,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** What the server says of a failure, in the dialect's form. */
export function refuse(
  status: number,
  message: string,
  code: string | number = status,
): ServerStep {
  const error = { message, type: "invalid_request_error", param: null, code };
  return { kind: "reply", status, body: JSON.stringify({ error }) };
}

/** An event of an answer. */
export function toEvent(delta: object, more: object = {}): string {
  const choice = { index: 0, delta, logprobs: null, finish_reason: null, ...more };
  return toData({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "tiny",
    system_fingerprint: "b11669-test",
    choices: [choice],
  });
}

/** Any object as an event. */
export function toData(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** Every event of a whole answer. */
export function toEvents(answer: string, finish = "stop"): readonly string[] {
  const pieces = answer.match(/.{1,4}/gsu) ?? [];
  const usage = { prompt_tokens: 15, completion_tokens: pieces.length, total_tokens: 0 };
  return [
    toEvent({ role: "assistant", content: "" }),
    ...pieces.map((content) => toEvent({ content })),
    toEvent({}, { finish_reason: finish }),
    toData({ id: "chatcmpl-1", model: "tiny", choices: [], usage }),
    "data: [DONE]\n\n",
  ];
}

function toKind(path: string): RequestKind {
  if (path === "/v1/chat/completions") return "chat";
  return path === "/v1/models" ? "models" : "other";
}

function chooseStep(request: ReceivedRequest, options: OpenAiServerOptions): ServerStep {
  if (request.kind === "chat") {
    return { kind: "answer", text: options.answer?.(request) ?? "Gut gemacht." };
  }
  if (request.kind === "other")
    return { kind: "reply", status: 404, body: '{"detail":"Not Found"}' };
  const list = { object: "list", data: [{ id: "tiny", object: "model", owned_by: "test" }] };
  return { kind: "reply", status: 200, body: JSON.stringify(options.models ?? list) };
}

async function act(step: ServerStep, response: ServerResponse, over: AbortSignal): Promise<void> {
  const stream = { "content-type": "text/event-stream; charset=utf-8" };
  switch (step.kind) {
    case "answer":
      response.writeHead(200, stream);
      await writeAwkwardly(toEvents(step.text, step.finish).join(""), response, over);
      response.end();
      return;
    case "reply":
      response.writeHead(step.status, {
        "content-type": step.contentType ?? "application/json",
        ...step.headers,
      });
      response.end(step.body);
      return;
    case "events":
      response.writeHead(200, stream);
      await writeAwkwardly(step.events.join(""), response, over);
      if (step.end === "close") response.end();
      if (step.end === "drop") response.destroy();
      return;
    case "endless":
      response.writeHead(200, stream);
      while (!over.aborted) {
        response.write(toEvent({ content: step.piece }));
        await setTimeout(1);
      }
      return;
    case "flood":
      response.writeHead(200, stream);
      response.write("data: ");
      while (!over.aborted) {
        response.write("x".repeat(65_536));
        await setTimeout(1);
      }
      return;
    case "silence":
      return;
    case "drop":
      response.destroy();
  }
}

/** Cuts where no reader should rely on it: in the middle of lines, and of characters. */
async function writeAwkwardly(
  body: string,
  response: ServerResponse,
  over: AbortSignal,
): Promise<void> {
  const bytes = Buffer.from(body);
  const sizes = [1, 2, 700, 5, 1_900];
  for (let start = 0, index = 0; start < bytes.length && !over.aborted; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    response.write(bytes.subarray(start, start + size));
    start += size;
    // One turn of the loop, so that the pieces travel one by one.
    await setImmediate();
  }
}
