import type { ModelError } from "@leasehold/model";
import type { BackendReply } from "@leasehold/model/http";

import { toBackendError } from "./backend-errors.ts";
import { toStreamError, toTransportError } from "./call-errors.ts";

/** What the lines of one kind of answer mean. */
export interface LineRules {
  readonly isLast: (frame: Readonly<Record<string, unknown>>) => boolean;
  readonly toError: (reply: BackendReply) => ModelError;
}

/** The words of a model end with a frame that says so. */
export const answerRules: LineRules = {
  isLast: (frame) => frame["done"] === true,
  toError: toBackendError,
};

/**
 * Lets only whole and harmless lines of an answer through to the client.
 *
 * The client prints a line that it cannot read, learner's text and all, and goes on; it takes an error line for an
 * error without a status. So the lines are judged before it sees them: an error line, an unreadable line and an end
 * without the last one become our errors.
 */
export function checkAnswerLines(
  body: ReadableStream<Uint8Array>,
  resource: string,
  rules: LineRules = answerRules,
): ReadableStream<Uint8Array> {
  const lines = readCheckedLines(body, resource, rules);
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await lines.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(`${value}\n`));
      },
      async cancel() {
        await lines.return();
      },
    },
    // Nothing is read before the client asks for it, so nothing is pending when a call is given up.
    { highWaterMark: 0 },
  );
}

async function* readCheckedLines(
  body: ReadableStream<Uint8Array>,
  resource: string,
  { isLast, toError }: LineRules,
): AsyncGenerator<string, void> {
  for await (const line of readLines(body, resource)) {
    const frame = parseObject(line);
    if (frame === undefined) throw toStreamError(resource, "answer_unreadable");
    if ("error" in frame) throw toError({ resource, text: line });
    yield line;
    if (isLast(frame)) return;
  }
  throw toStreamError(resource, "answer_cut");
}

async function* readLines(
  body: ReadableStream<Uint8Array>,
  resource: string,
): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await readChunk(reader, resource);
    rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
    const lines = rest.split("\n");
    rest = done ? "" : (lines.pop() ?? "");
    // A blank line means nothing, but the client would stumble over it.
    yield* lines.filter((line) => line.trim() !== "");
    if (done) return;
    if (rest.length > lineCharactersMax) throw toStreamError(resource, "answer_too_large");
  }
}

/** Characters of one line: a line is one token, or at most a whole answer. */
const lineCharactersMax = 1_048_576;

interface Chunk {
  readonly done: boolean;
  readonly value?: Uint8Array | undefined;
}

async function readChunk(reader: { read(): Promise<Chunk> }, resource: string): Promise<Chunk> {
  try {
    return await reader.read();
  } catch (thrown) {
    const error = toTransportError(resource, thrown);
    // After the first byte the server was there: what is lost is the answer.
    throw error.code === "backend_unreachable" ? toStreamError(resource, "answer_cut") : error;
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
