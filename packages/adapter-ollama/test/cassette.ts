import { readFileSync } from "node:fs";

/** One request that was sent to a real Ollama server, and what it answered. */
export interface RecordedExchange {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
  readonly response: RecordedResponse;
}

/** An answer, line by line. Of a very long one the middle was left out: `elidedLines` counts it. */
export interface RecordedResponse {
  readonly status: number;
  readonly contentType: string;
  readonly lines: readonly string[];
  readonly elidedLines?: number;
  readonly lastLines?: readonly string[];
}

/** What a real server (v0.33.0-rc2, two tiny models) answered. */
export function readCassette(
  file: URL = new URL("fixtures/ollama-cassette.jsonl", import.meta.url),
): readonly RecordedExchange[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RecordedExchange);
}

/** All lines of an answer; a line of the part that was left out is like the one before it. */
export function listLines(response: RecordedResponse): readonly string[] {
  const { lines, elidedLines = 0, lastLines = [] } = response;
  const like = lines.at(-1) ?? "";
  return [...lines, ...Array.from({ length: elidedLines }, () => like), ...lastLines];
}

/** Finds the recording of a chat that says the same to the same model under the same schema. */
export function findRecordedChat(
  cassette: readonly RecordedExchange[],
  body: Readonly<Record<string, unknown>>,
): RecordedExchange | undefined {
  const wanted = toSubject(body);
  const isStreamed = body["stream"] !== false;
  return cassette.find(
    ({ request, response }) =>
      request.path === "/api/chat" &&
      isRecord(request.body) &&
      // A refusal looks the same either way; an answer comes in one piece only to who asked for that.
      ((request.body["stream"] !== false) === isStreamed || response.status >= 400) &&
      toSubject(request.body) === wanted,
  );
}

/** What a chat is about. Options and the like are left out: an adapter sends its own. */
function toSubject({
  model,
  messages,
  format,
  tools,
  think,
}: Readonly<Record<string, unknown>>): string {
  const said = Array.isArray(messages) ? messages.map(toSaid) : [];
  return JSON.stringify([model, said, format, tools, think === true]);
}

function toSaid(message: unknown): unknown {
  if (!isRecord(message)) return message;
  const { role, content, images } = message;
  return [role, toContent(content), Array.isArray(images) ? images.map(toImageSubject) : []];
}

function toContent(content: unknown): unknown {
  // The recording states a long prompt as a rule.
  const rule = typeof content === "string" ? /^<(\d+) × (.)>$/u.exec(content) : null;
  return rule === null ? content : (rule[2] ?? "").repeat(Number(rule[1]));
}

function toImageSubject(image: unknown): unknown {
  // The recording leaves the bytes of good pictures out.
  const isPicture = typeof image === "string" && /^(iVBOR|\/9j\/|<base64 of )/.test(image);
  return isPicture ? "a picture" : image;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
