import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";

import { createStubModel } from "@leasehold/adapter-stub";
import {
  ModelError,
  type ModelErrorCode,
  type ModelImage,
  type ModelMessage,
  type ModelRequest,
  type ModelResponse,
} from "@leasehold/model";

/** What a text must say so that it is answered without an end. */
export const endlessMark = "[[endless]]";

/** A server of the stub that speaks Ollama's dialect, OpenAI's, and that of the example; on Bun and on Node. */
export interface ModelServer extends AsyncDisposable {
  readonly url: string;
  /** Calls of the model that it is working on. */
  readonly busy: number;
}

/** Starts a server on a port of its own. Texts steer the stub: `[[stub: hang]]`. */
export async function startModelServer(): Promise<ModelServer> {
  const stub = createStubModel({ markers: true });
  const load = { busy: 0 };
  const server = createServer(async (message, response) => {
    const dialect = dialects[message.url ?? ""];
    if (dialect === undefined) {
      const said = message.method === "GET" ? documents[message.url ?? ""] : undefined;
      reply(response, said === undefined ? 404 : 200, said ?? {});
      return;
    }
    load.busy += 1;
    const gone = new AbortController();
    response.once("close", () => {
      load.busy -= 1;
      gone.abort();
    });
    const context = { signal: gone.signal, deadlineAt: Infinity, progress() {} };
    try {
      const body = (await json(message)) as Body;
      const request = dialect.read(body);
      if (JSON.stringify(request.messages).includes(endlessMark)) {
        await writeEndlessly(dialect, response, gone.signal);
      } else if (request.messages.length === 0) {
        reply(response, 200, { model: "tiny", done: true, done_reason: "load" });
      } else {
        dialect.write(await stub.generate(request, context), response);
      }
    } catch (error) {
      if (gone.signal.aborted) return;
      const status = ModelError.is(error) ? statuses[error.code] : undefined;
      reply(response, status ?? 500, { error: status === 404 ? "model 'tiny' not found" : "oops" });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get busy() {
      return load.busy;
    },
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** The status that means the same to every client, whatever it makes of words. */
const statuses: Readonly<Partial<Record<ModelErrorCode, number>>> = {
  backend_unreachable: 503,
  input_unsupported: 413,
  model_missing: 404,
};

const documents: Readonly<Record<string, object>> = {
  "/health": {},
  "/api/version": { version: "0.33.0" },
  "/api/tags": { models: [{ name: "tiny:latest", digest: "0123456789abcdef" }] },
  "/api/ps": { models: [] },
  "/v1/models": { object: "list", data: [{ id: "tiny", object: "model" }] },
};

/** What any of the dialects may send. */
interface Body {
  readonly messages?: readonly Said[];
  readonly schema?: Schema;
  readonly format?: Schema;
  readonly response_format?: { readonly json_schema: { readonly schema: Schema } };
}

interface Said {
  readonly role: ModelMessage["role"];
  readonly content: string | readonly Part[];
  readonly images?: readonly string[];
}

interface Part {
  readonly text?: string;
  readonly image_url?: { readonly url: string };
}

type Schema = Readonly<Record<string, unknown>>;

interface Dialect {
  read(body: Body): ModelRequest;
  write(answer: ModelResponse, response: ServerResponse): void;
  /** One token of an answer; without it, answers come whole. */
  toToken?(content: string): string;
}

const ollama: Dialect = {
  read: ({ messages = [], format }) => toRequest(messages, format),
  write({ text, finish, usage }, response) {
    const { inputTokens, outputTokens } = usage;
    const last = {
      model: "tiny",
      message: { role: "assistant", content: "" },
      done: true,
      done_reason: finish,
      prompt_eval_count: inputTokens,
      eval_count: outputTokens,
    };
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.end(`${ollama.toToken?.(text) ?? ""}${JSON.stringify(last)}\n`);
  },
  toToken(content) {
    const message = { role: "assistant", content };
    return `${JSON.stringify({ model: "tiny", message, done: false })}\n`;
  },
};

const openai: Dialect = {
  read: ({ messages = [], response_format }) =>
    toRequest(messages, response_format?.json_schema.schema),
  write({ text, finish, usage }, response) {
    const { inputTokens, outputTokens } = usage;
    const last = {
      model: "tiny",
      choices: [{ index: 0, delta: {}, finish_reason: finish }],
      usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens },
    };
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(
      `${openai.toToken?.(text) ?? ""}data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`,
    );
  },
  toToken(content) {
    const choices = [{ index: 0, delta: { content }, finish_reason: null }];
    return `data: ${JSON.stringify({ model: "tiny", choices })}\n\n`;
  },
};

const example: Dialect = {
  read: ({ messages = [], schema }) => toRequest(messages, schema),
  write({ text, finish, usage }, response) {
    const { inputTokens = 0, outputTokens = 0 } = usage;
    reply(response, 200, {
      text,
      isWhole: finish === "stop",
      inputTokens,
      outputTokens,
      digest: "sha256:0123456789abcdef",
    });
  },
};

const dialects: Readonly<Record<string, Dialect>> = {
  "/api/chat": ollama,
  "/v1/chat/completions": openai,
  "/generate": example,
};

function toRequest(messages: readonly Said[], schema: Schema | undefined): ModelRequest {
  return {
    messages: messages.map(toMessage),
    outputTokensMax: 4_096,
    ...(schema === undefined ? {} : { schema }),
  };
}

function toMessage({ role, content, images = [] }: Said): ModelMessage {
  const parts = typeof content === "string" ? [{ text: content }] : content;
  const sent = parts.flatMap(({ image_url }) => (image_url === undefined ? [] : [image_url.url]));
  return {
    role,
    content: parts.map(({ text = "" }) => text).join("\n"),
    images: [...images, ...sent].map(toImage),
  };
}

/** The stub measures pictures by itself. */
function toImage(text: string): ModelImage {
  const bytes = Buffer.from(text.replace(/^data:[^,]*,/, ""), "base64");
  return { mediaType: "image/png", width: 1, height: 1, bytes };
}

async function writeEndlessly(
  dialect: Dialect,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const token = dialect.toToken?.("la ") ?? "";
  const isEvents = token.startsWith("data:");
  response.writeHead(200, {
    "content-type": isEvents ? "text/event-stream" : "application/x-ndjson",
  });
  while (!gone.aborted) {
    response.write(token);
    await setTimeout(1);
  }
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}
