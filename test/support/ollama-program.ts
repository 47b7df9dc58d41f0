// Plays a model server in a process of its own, which a test can kill and freeze: MODE says how it answers.
import { type OllamaMessage, type OllamaRequest, startFakeOllama } from "./fake-ollama.ts";

const crash = {
  kind: "reply",
  status: 500,
  contentType: "application/json",
  body: JSON.stringify({ error: "model runner has unexpectedly stopped" }),
};
const busy = {
  kind: "reply",
  status: 503,
  contentType: "application/json",
  body: JSON.stringify({
    error: "server busy, please try again.  maximum pending requests exceeded",
  }),
};
/** How long others keep it busy. */
const busyMs = 10_000;

let firstChatAt: number | undefined;
let chats = 0;

/** How a mode answers a chat; undefined: well. */
const modes: Readonly<Record<string, (request: OllamaRequest) => object | undefined>> = {
  well: () => undefined,
  busy: () => (performance.now() - (firstChatAt ?? 0) < busyMs ? busy : undefined),
  endless: () => ({ kind: "endless", piece: "la " }),
  endless_once: () => (chats === 1 ? { kind: "endless", piece: "la " } : undefined),
  // Dies of the one picture that is wider than it is high.
  poison: ({ body }) => {
    const messages = body["messages"] as readonly OllamaMessage[];
    const isWide = messages.flatMap(({ images = [] }) => images).some(isWiderThanHigh);
    return isWide ? crash : undefined;
  },
};

/** Reads the size of a JPEG or PNG as a model server would have to. */
function isWiderThanHigh(base64: string): boolean {
  const bytes = Buffer.from(base64, "base64");
  if (bytes[0] === 0x89) return bytes.readUInt32BE(16) > bytes.readUInt32BE(20);
  let at = 2;
  while (at + 9 < bytes.length) {
    const marker = bytes.readUInt8(at + 1);
    // The frame: height, then width.
    if (marker >= 0xc0 && marker <= 0xc2)
      return bytes.readUInt16BE(at + 7) > bytes.readUInt16BE(at + 5);
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return false;
}

const mode = modes[process.env["MODE"] ?? "well"];
const server = await startFakeOllama({
  port: Number(process.env["PORT"] ?? 0),
  script: (request) => {
    if (request.kind !== "chat") return undefined;
    firstChatAt ??= performance.now();
    chats += 1;
    const step = mode?.(request);
    // What a test may wait for, and count.
    process.stdout.write(step === undefined ? "answers\n" : "misbehaves\n");
    if (process.env["MODE"] === "endless_once" && step !== undefined) {
      void server.waitForAbort("chat").then(() => process.stdout.write("was left\n"));
    }
    return step;
  },
});
process.stdout.write(`listening ${server.url}\n`);
