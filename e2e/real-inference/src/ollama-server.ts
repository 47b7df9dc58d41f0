import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { ContextExceeded, type Engine } from "./engine.ts";
import { type JsonSchema, SchemaUnsupported } from "./schema-grammar.ts";

/** What the server is made of. */
export interface OllamaServerOptions {
  readonly engine: Engine;
  readonly models: readonly string[];
  readonly contextTokens: number;
  /** False: `format` is heard and ignored, as some servers do. */
  readonly constrains: boolean;
  /** Hears every answer that came to its end. */
  onAnswer(answer: string): void;
}

interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly images?: readonly string[];
}

interface ChatBody {
  readonly model?: string;
  readonly messages?: readonly ChatMessage[];
  readonly stream?: boolean;
  readonly format?: JsonSchema;
  readonly options?: { readonly num_predict?: number; readonly seed?: number };
}

/** What an error says, and its status. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Serves an engine in the form of Ollama's interface, on loopback. Answers with its port.
 *
 * It is not Ollama: what it shares with it is the engine below, llama.cpp, and the form of what is asked and answered.
 */
export async function serveOllama(options: OllamaServerOptions): Promise<number> {
  const server = createServer((request, response) => {
    handle(options, request, response).catch((error: unknown) => refuse(response, error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function handle(
  options: OllamaServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = request.method === "POST" ? parseBody(await text(request)) : {};
  switch (request.url) {
    case "/api/version":
      return sendJson(response, { version: "0.33.0" });
    case "/api/tags":
    case "/api/ps":
      return sendJson(response, { models: options.models.map(toEntry) });
    case "/api/show":
      requireModel(options, body.model);
      return sendJson(response, {
        capabilities: ["completion", "vision"],
        details: { family: "llama", format: "gguf" },
        model_info: {
          "general.architecture": "llama",
          "llama.context_length": options.contextTokens,
        },
      });
    case "/api/chat":
      return await chat(options, body, response);
    default:
      response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found");
  }
}

function parseBody(json: string): ChatBody {
  try {
    // What comes is what our own adapter sent.
    const body: ChatBody = JSON.parse(json);
    return body;
  } catch {
    throw new Refusal(400, "the body is not JSON");
  }
}

/** A list's entry. The digest is the name's own: there is one engine behind all names. */
function toEntry(name: string): object {
  return { name, model: name, digest: createHash("sha256").update(name).digest("hex") };
}

function requireModel({ models }: OllamaServerOptions, model: string | undefined): string {
  if (model !== undefined && models.includes(model)) return model;
  throw new Refusal(404, `model '${model ?? ""}' not found`);
}

async function chat(
  options: OllamaServerOptions,
  body: ChatBody,
  response: ServerResponse,
): Promise<void> {
  const model = requireModel(options, body.model);
  const { messages = [], format, options: wanted = {} } = body;
  const frame = (content: string, more: object): string =>
    `${JSON.stringify({ model, message: { role: "assistant", content }, ...more })}\n`;
  if (messages.length === 0) {
    return void response.end(frame("", { done: true, done_reason: "load" }));
  }
  const prompt = messages.map(toPrompt).join("\n");
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  let answer = "";
  response.setHeader("content-type", "application/x-ndjson");
  const { finish, inputTokens, outputTokens } = await options.engine.generate({
    prompt,
    schema: options.constrains ? format : undefined,
    tokensMax: wanted.num_predict ?? 128,
    seed: wanted.seed ?? toSeed(prompt),
    signal: gone.signal,
    onText(piece) {
      answer += piece;
      response.write(frame(piece, { done: false }));
    },
  });
  options.onAnswer(answer);
  response.end(
    frame("", {
      done: true,
      done_reason: finish,
      prompt_eval_count: inputTokens,
      eval_count: outputTokens,
    }),
  );
}

/** The engine has no eyes: a picture is told from other files, and its size in bytes is all that the model learns. */
function toPrompt({ role, content, images = [] }: ChatMessage): string {
  const seen = images.map((image) => {
    const bytes = Buffer.from(image, "base64");
    const isPicture =
      bytes.subarray(0, 2).equals(Buffer.from([0xff, 0xd8])) ||
      bytes.subarray(1, 4).equals(Buffer.from("PNG"));
    if (!isPicture) throw new Refusal(400, "Failed to load image or audio file");
    return `[picture of ${bytes.length} bytes]`;
  });
  return [`${role}:`, content, ...seen].join("\n");
}

/** The same question has the same answer. */
function toSeed(prompt: string): number {
  return createHash("sha256").update(prompt).digest().readUInt32LE(0);
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, message } = toRefusal(error);
  // After the first piece the status has been sent: the error is then a line of its own, as with Ollama.
  if (!response.headersSent) response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify({ error: message })}\n`);
}

function toRefusal(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof Refusal) return error;
  if (error instanceof ContextExceeded) {
    return { status: 400, message: `exceed_context_size_error: ${error.tokens} tokens` };
  }
  if (error instanceof SchemaUnsupported) {
    return { status: 500, message: `invalid format: ${error.message}` };
  }
  // Of our own making, and for whoever reads the log of a failed run.
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return { status: 500, message: "an error was encountered while running the model" };
}
