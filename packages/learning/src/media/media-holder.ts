import type { ModelImage } from "@leasehold/model";

import { aborted } from "./aborted.ts";
import { inspectMedia, type MediaType } from "./inspect-media.ts";
import { inspectJpeg, stripJpegMetadata } from "./jpeg.ts";
import { type ChildEnd, ChildEnded, startLimitedChild } from "./limited-child.ts";
import {
  codecMissing,
  errorWhileHolding,
  errorWhileStarting,
  refusalError,
} from "./media-errors.ts";
import type { MediaSettings } from "./media-options.ts";
import { MediaRefusal } from "./media-refusal.ts";
import {
  type ChildReply,
  type ChildRequest,
  type MediaKind,
  parseReply,
  replyBytesMax,
} from "./protocol.ts";

/** An upload whose size and hash were verified. */
export interface MediaSource {
  readonly bytes: Uint8Array;
  /** What the host recorded. The bytes must agree. */
  readonly mediaType: MediaType;
}

/** One page: its own text where that says all there is, or else a picture of it. */
export type PreparedPage = {
  readonly page: number;
  /** It carries words that nobody sees on it. They are in neither its text nor its picture. */
  readonly hidesText: boolean;
} & (
  | { readonly text: string; readonly image?: never }
  | { readonly image: ModelImage; readonly text?: never }
);

/** The process that holds one upload, as the worker sees it. Not for two requests at a time. */
export interface MediaHolder {
  readonly kind: MediaKind;
  readonly pageCount: number;
  readPage(page: number): Promise<PreparedPage>;
  close(): Promise<void>;
}

interface Answer {
  readonly reply: ChildReply;
  readonly body: Uint8Array;
}

type Ask = (
  request: ChildRequest,
  options: { readonly timeoutMs: number; readonly body?: Uint8Array },
) => Promise<Answer>;

/** Time for a process to start and load its tools, before it is given anything. */
const startTimeoutMs = 30_000;
const noBytes: Uint8Array = new Uint8Array(0);

/** Inspects an upload, starts a process and opens the upload in it. Leaves nothing behind when it throws. */
export async function openMediaHolder(
  source: MediaSource,
  settings: MediaSettings,
  signal: AbortSignal,
): Promise<MediaHolder> {
  const kind = inspectSource(source, settings);
  const child = startLimitedChild({
    command: settings.childCommand,
    memoryBytesMax: settings.limits.memoryBytesMax,
    cpuSecondsMax: cpuSecondsFor(settings),
    replyBytesMax,
    signal,
  });
  let toError: (end: ChildEnd) => Error = errorWhileStarting;

  const ask: Ask = async (request, { timeoutMs, body = noBytes }) => {
    try {
      const frame = await child.request(request, body, timeoutMs);
      const reply = parseReply(frame.header);
      if (reply === undefined) throw new ChildEnded({ why: "garbled" });
      if (reply.reply === "refused") throw new MediaRefusal(reply.reason);
      return { reply, body: frame.body };
    } catch (error) {
      await child.close();
      if (signal.aborted) throw aborted(signal);
      if (error instanceof MediaRefusal) throw refusalError(error.reason);
      throw error instanceof ChildEnded ? toError(error.end) : error;
    }
  };

  const loaded = await ask(
    { ask: "load", kind, settings: settings.render },
    { timeoutMs: startTimeoutMs },
  );
  if (loaded.reply.reply !== "loaded") {
    await child.close();
    throw codecMissing();
  }
  toError = errorWhileHolding;
  return await openInChild({ kind, source, settings, ask, close: () => child.close() });
}

function inspectSource({ bytes, mediaType }: MediaSource, { limits }: MediaSettings): MediaKind {
  try {
    inspectMedia(bytes, mediaType, limits);
  } catch (error) {
    throw error instanceof MediaRefusal ? refusalError(error.reason) : error;
  }
  return mediaType === "application/pdf" ? "document" : "image";
}

/** Twice the time on the clock, for threads of the runtime, and ten seconds for its start. */
function cpuSecondsFor({ limits }: MediaSettings): number {
  return Math.ceil(limits.documentTimeoutMs / 1000) * 2 + 10;
}

async function openInChild({
  kind,
  source,
  settings,
  ask,
  close,
}: {
  readonly kind: MediaKind;
  readonly source: MediaSource;
  readonly settings: MediaSettings;
  readonly ask: Ask;
  readonly close: () => Promise<void>;
}): Promise<MediaHolder> {
  const { documentTimeoutMs, pageTimeoutMs } = settings.limits;
  let workedMs = 0;

  const work: Ask = async (request, options) => {
    const timeoutMs = Math.min(options.timeoutMs, documentTimeoutMs - workedMs);
    if (timeoutMs <= 0) {
      await close();
      throw refusalError("time_limit");
    }
    const startedAt = performance.now();
    try {
      return await ask(request, { ...options, timeoutMs });
    } finally {
      workedMs += performance.now() - startedAt;
    }
  };

  const { reply } = await work(
    { ask: "open" },
    { timeoutMs: documentTimeoutMs, body: source.bytes },
  );
  if (reply.reply !== "opened" || reply.pageCount > settings.limits.pagesMax) {
    await close();
    throw refusalError("media_crashed");
  }
  return {
    kind,
    pageCount: reply.pageCount,
    async readPage(page) {
      const answer = await work({ ask: "page", page }, { timeoutMs: pageTimeoutMs });
      try {
        return toPreparedPage(page, answer);
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

/** Believes nothing of what the child says about its picture: it is measured and stripped here. */
function toPreparedPage(page: number, { reply, body }: Answer): PreparedPage {
  if (reply.reply !== "text" && reply.reply !== "picture") throw refusalError("media_crashed");
  const { hidesText } = reply;
  if (reply.reply === "text") return { page, hidesText, text: new TextDecoder().decode(body) };
  try {
    const bytes = stripJpegMetadata(body);
    const { width, height } = inspectJpeg(bytes);
    return { page, hidesText, image: { mediaType: "image/jpeg", width, height, bytes } };
  } catch {
    throw refusalError("media_crashed");
  }
}
