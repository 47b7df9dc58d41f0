/**
 * A program, not a module: the process that holds one document and does the dangerous work on it.
 *
 * It has no secrets, writes nothing but its answers, and ends when its input does. Time and memory are watched by the
 * worker, which kills it without asking.
 */
import { stdin, stdout } from "node:process";

import { encodeFrameHead, type Frame, readFrames } from "./frames.ts";
import type { ImageCodec } from "./image-codec.ts";
import { createBunCodec } from "./image-codecs/bun-codec.ts";
import { createSharpCodec } from "./image-codecs/sharp-codec.ts";
import { MediaRefusal } from "./media-refusal.ts";
import { openPdf } from "./pdf.ts";
import { loadPdfium, type Pdfium } from "./pdfium.ts";
import { isPng, stripPngMetadata } from "./png.ts";
import {
  type ChildReply,
  type ChildRequest,
  isRequest,
  type MediaKind,
  type RenderSettings,
} from "./protocol.ts";

interface Answer {
  readonly reply: ChildReply;
  readonly body?: Uint8Array;
}

/** What `load` brought in. */
interface Tools {
  readonly settings: RenderSettings;
  readonly codec: ImageCodec;
  /** For documents only: it takes a tenth of a second to start. */
  readonly pdfium: Pdfium | undefined;
}

interface OpenedMedia {
  readonly pageCount: number;
  page(page: number): Promise<Answer>;
}

/** The worker refused larger uploads before this process was started. */
const requestBytesMax = 1_073_741_824;

let tools: Tools | undefined;
let opened: OpenedMedia | undefined;

for await (const frame of readFrames(stdin, requestBytesMax)) {
  const { reply, body = new Uint8Array(0) } = await answer(frame);
  stdout.write(encodeFrameHead(reply, body.length));
  stdout.write(body);
}

async function answer({ header, body }: Frame): Promise<Answer> {
  if (!isRequest(header)) throw new TypeError("The worker asked for something unknown.");
  try {
    return await fulfil(header, body);
  } catch (error) {
    if (error instanceof MediaRefusal) {
      return { reply: { reply: "refused", reason: error.reason } };
    }
    throw error;
  }
}

async function fulfil(request: ChildRequest, body: Uint8Array): Promise<Answer> {
  switch (request.ask) {
    case "load":
      tools = await loadTools(request.kind, request.settings);
      return { reply: { reply: tools === undefined ? "codec_missing" : "loaded" } };
    case "open":
      if (tools === undefined) throw new Error("Asked to open before loading.");
      opened = openMedia(tools, body);
      return { reply: { reply: "opened", pageCount: opened.pageCount } };
    default:
      if (opened === undefined) throw new Error("Asked for a page before opening.");
      return await opened.page(request.page);
  }
}

async function loadTools(kind: MediaKind, settings: RenderSettings): Promise<Tools | undefined> {
  const codec = createBunCodec() ?? (await createSharpCodec());
  if (codec === undefined) return undefined;
  const pdfium = kind === "document" ? await loadPdfium(settings.pdfBytesMax) : undefined;
  return { settings, codec, pdfium };
}

function openMedia({ settings, codec, pdfium }: Tools, bytes: Uint8Array): OpenedMedia {
  if (pdfium === undefined) {
    return {
      pageCount: 1,
      async page() {
        const bare = isPng(bytes) ? stripPngMetadata(bytes) : bytes;
        return picture(await codec.encodePicture(bare, settings));
      },
    };
  }
  const document = openPdf(pdfium, bytes, settings);
  return {
    pageCount: document.pageCount,
    async page(number) {
      const page = document.readPage(number);
      const { hidesText } = page;
      if ("text" in page) {
        const body = new TextEncoder().encode(page.text);
        return { reply: { reply: "text", hidesText }, body };
      }
      return picture(await codec.encodePixels(page.pixels, settings), hidesText);
    },
  };
}

function picture(jpeg: Uint8Array, hidesText = false): Answer {
  return { reply: { reply: "picture", hidesText }, body: jpeg };
}
