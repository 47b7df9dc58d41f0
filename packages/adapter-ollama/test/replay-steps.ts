import type { ServerResponse } from "node:http";
import { setImmediate, setTimeout } from "node:timers/promises";

import { listLines, type RecordedResponse } from "./cassette.ts";

/** One way to answer a request, well or badly. */
export type ReplayStep =
  /** A recording, by its name in the cassette. */
  | { readonly kind: "replay"; readonly name: string }
  /** An answer of the model in Ollama's form. Without a reason the last frame has none. */
  | {
      readonly kind: "answer";
      readonly text: string;
      readonly thinking?: string;
      readonly doneReason?: "stop" | "length" | "none";
    }
  /** Any status and body. */
  | {
      readonly kind: "reply";
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Frames that carry `pieces`, then `lines` as they are, then `tail` without a line break, then the end. */
  | {
      readonly kind: "stream";
      /** Default: 200. */
      readonly status?: number;
      readonly pieces: readonly string[];
      readonly lines?: readonly string[];
      readonly tail?: string;
      readonly end: "close" | "drop" | "stall";
    }
  /** Frames that carry `piece` for ever, with a number that counts them unless the model `repeats` itself. */
  | { readonly kind: "endless"; readonly piece: string; readonly repeats?: true }
  /** Not even a header, for ever. */
  | { readonly kind: "silence" }
  /** The connection is closed before a header. */
  | { readonly kind: "drop" };

const json = "application/json; charset=utf-8";

function refuse(status: number, error: string): ReplayStep {
  return { kind: "reply", status, contentType: json, body: JSON.stringify({ error }) };
}

/** Faults by name, in the words of a real server. */
export const faults: Readonly<Record<FaultName, ReplayStep>> = {
  busy: refuse(503, "server busy, please try again.  maximum pending requests exceeded"),
  outOfMemory: refuse(500, "llama-server process has terminated: cudaMalloc failed: out of memory"),
  runnerCrashed: refuse(500, "model runner has unexpectedly stopped, this may be due to a bug"),
  badGateway: {
    kind: "reply",
    status: 502,
    contentType: "text/html",
    body: "<html><body><h1>502 Bad Gateway</h1></body></html>",
  },
  slowHeaders: { kind: "silence" },
  dropped: { kind: "drop" },
  droppedMidStream: { kind: "stream", pieces: ["Gut", " ge"], end: "drop" },
  stalledMidStream: { kind: "stream", pieces: ["Gut", " ge"], end: "stall" },
  withoutDone: { kind: "stream", pieces: ["Gut", " gemacht."], end: "close" },
  endless: { kind: "endless", piece: "la " },
  loop: { kind: "endless", piece: "Der Text ist unleserlich.\n", repeats: true },
  errorLine: {
    kind: "stream",
    pieces: ["Gut"],
    lines: ['{"error":"an error was encountered while running the model: unexpected EOF"}'],
    end: "close",
  },
};

/** What can go wrong on request. */
export type FaultName =
  | "badGateway"
  | "busy"
  | "dropped"
  | "droppedMidStream"
  | "endless"
  | "errorLine"
  | "loop"
  | "outOfMemory"
  | "runnerCrashed"
  | "slowHeaders"
  | "stalledMidStream"
  | "withoutDone";

/** A line that is no JSON. The client prints such a line; `canary` shows whether it did. */
export function garbageLine(canary: string): ReplayStep {
  return { kind: "stream", pieces: ["Gut"], lines: [`${canary} {"broken`], end: "close" };
}

/** What a step needs to write frames like those that were recorded. */
export interface FrameTemplates {
  readonly piece: Readonly<Record<string, unknown>>;
  readonly last: Readonly<Record<string, unknown>>;
}

/** Where a step is acted out. */
export interface Stage {
  readonly response: ServerResponse;
  readonly model: string;
  /** What the model was told, in characters. */
  readonly promptCharacters: number;
  readonly templates: FrameTemplates;
  /** Aborts when the client went away or the server stops. */
  readonly over: AbortSignal;
}

/** Acts a step out. A step without an end ends with the connection. */
export async function act(
  step: Exclude<ReplayStep, { readonly kind: "replay" }>,
  stage: Stage,
): Promise<void> {
  const { response } = stage;
  switch (step.kind) {
    case "answer":
      await actLines(composeAnswer(step, stage), stage);
      return;
    case "reply":
      response.writeHead(step.status, { "content-type": step.contentType, ...step.headers });
      await writeAwkwardly(step.body, stage);
      response.end();
      return;
    case "stream": {
      const frames = step.pieces.map((piece) => composePiece(piece, stage));
      response.writeHead(step.status ?? 200, { "content-type": "application/x-ndjson" });
      const lines = [...frames, ...(step.lines ?? [])].map(toLine);
      await writeAwkwardly(`${lines.join("")}${step.tail ?? ""}`, stage);
      if (step.end === "close") response.end();
      if (step.end === "drop") response.destroy();
      return;
    }
    case "endless":
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      for (let count = 1; !stage.over.aborted; count += 1) {
        const piece = step.repeats === true ? step.piece : `${step.piece}${count} `;
        response.write(toLine(composePiece(piece, stage)));
        await setTimeout(1);
      }
      return;
    case "silence":
      return;
    case "drop":
      response.destroy();
  }
}

/** Streams a recording again. */
export async function actRecording(recorded: RecordedResponse, stage: Stage): Promise<void> {
  stage.response.writeHead(recorded.status, { "content-type": recorded.contentType });
  await writeAwkwardly(listLines(recorded).map(toLine).join(""), stage);
  stage.response.end();
}

async function actLines(lines: readonly string[], stage: Stage): Promise<void> {
  stage.response.writeHead(200, { "content-type": "application/x-ndjson" });
  await writeAwkwardly(lines.map(toLine).join(""), stage);
  stage.response.end();
}

function toLine(line: string): string {
  return `${line}\n`;
}

function composeAnswer(
  { text, thinking, doneReason = "stop" }: Extract<ReplayStep, { readonly kind: "answer" }>,
  stage: Stage,
): readonly string[] {
  const pieces = Array.from(text).reduce<string[]>((all, character, index) => {
    if (index % charactersPerPiece === 0) all.push(character);
    else all.push(`${all.pop() ?? ""}${character}`);
    return all;
  }, []);
  const { done_reason: _, ...last } = stage.templates.last;
  const thoughts =
    thinking === undefined
      ? []
      : [
          {
            ...stamp(stage.templates.piece, stage),
            message: { role: "assistant", content: "", thinking },
          },
        ];
  const end = {
    ...stamp(last, stage),
    ...(doneReason === "none" ? {} : { done_reason: doneReason }),
    prompt_eval_count: Math.max(
      Number(last["prompt_eval_count"]),
      Math.ceil(stage.promptCharacters / charactersPerToken),
    ),
    eval_count: pieces.length,
  };
  return [
    ...thoughts.map((frame) => JSON.stringify(frame)),
    ...pieces.map((piece) => composePiece(piece, stage)),
    JSON.stringify(end),
  ];
}

/** Characters of a prompt that a token stands for. */
const charactersPerToken = 3;

/** Characters of a frame: a token is about this long. */
const charactersPerPiece = 4;

function composePiece(content: string, stage: Stage): string {
  const frame = { ...stamp(stage.templates.piece, stage), message: { role: "assistant", content } };
  return JSON.stringify(frame);
}

function stamp(
  frame: Readonly<Record<string, unknown>>,
  { model }: Stage,
): Readonly<Record<string, unknown>> {
  return { ...frame, model, created_at: new Date().toISOString() };
}

async function writeAwkwardly(text: string, { response, over }: Stage): Promise<void> {
  for (const chunk of cutAwkwardly(Buffer.from(text))) {
    if (over.aborted) return;
    response.write(chunk);
    // One turn of the loop, so that the pieces travel one by one.
    await setImmediate();
  }
}

/** Cuts bytes where no reader should rely on it: in the middle of lines, and of characters. */
export function cutAwkwardly(bytes: Buffer): readonly Buffer[] {
  const sizes = [1, 2, 700, 5, 1_900];
  const chunks: Buffer[] = [];
  let start = 0;
  while (start < bytes.length) {
    const size = sizes[chunks.length % sizes.length] ?? 1;
    const middle = bytes.subarray(start + 1, start + size).findIndex(isInsideCharacter);
    const end = middle === -1 ? start + size : start + 1 + middle;
    chunks.push(bytes.subarray(start, end));
    start = end;
  }
  return chunks;
}

/** A byte that goes on with a character of UTF-8. */
function isInsideCharacter(byte: number): boolean {
  return (byte & 0b1100_0000) === 0b1000_0000;
}
