import { execPath } from "node:process";
import { fileURLToPath } from "node:url";

import { WorkerError } from "@leasehold/core";
import { z } from "zod";

import { type MediaLimits, mediaLimits, memoryBytesMin } from "./media-limits.ts";
import type { RenderSettings } from "./protocol.ts";

export interface MediaPreparerOptions {
  readonly limits?: Partial<MediaLimits>;
  /** Pixels of the longer side of a picture. Default: 1536. */
  readonly longSidePixels?: number;
  /** From 1 to 100. Default: 85. */
  readonly jpegQuality?: number;
  /**
   * Characters from which the text layer of a page may stand in for its picture. Default: 32.
   *
   * `Infinity` renders every page.
   */
  readonly textLayerCharactersMin?: number;
  /** Uploads that are worked on at the same time; an opened upload that nobody asks for a page does not count. Default: 2. */
  readonly processesMax?: number;
  /**
   * The program and arguments of the process that holds an upload.
   *
   * Default: this runtime with `@leasehold/learning/media-child`. Needed by hosts that are bundled into one file, where
   * no package can be found.
   */
  readonly childCommand?: readonly [string, ...string[]];
}

/** Checked options with every default filled in. */
export interface MediaSettings {
  readonly limits: MediaLimits;
  readonly render: RenderSettings;
  readonly processesMax: number;
  readonly childCommand: readonly string[];
}

/** PDFium may have this share of the memory; the rest is for the runtime and for pictures. */
const pdfMemoryShare = 0.5;

const positive = z.int().min(1);

const optionsSchema = z.strictObject({
  limits: z
    .strictObject({
      bytesMax: positive.default(mediaLimits.bytesMax),
      pixelsMax: positive.default(mediaLimits.pixelsMax),
      pagesMax: positive.default(mediaLimits.pagesMax),
      documentTimeoutMs: positive.default(mediaLimits.documentTimeoutMs),
      pageTimeoutMs: positive.default(mediaLimits.pageTimeoutMs),
      memoryBytesMax: z.int().min(memoryBytesMin).default(mediaLimits.memoryBytesMax),
    })
    .prefault({}),
  longSidePixels: z.int().min(64).max(8192).default(1536),
  jpegQuality: z.int().min(1).max(100).default(85),
  textLayerCharactersMin: z.union([positive, z.literal(Number.POSITIVE_INFINITY)]).default(32),
  processesMax: positive.default(2),
  childCommand: z.array(z.string().min(1)).min(1).optional(),
});

/** Checks options and fills in the defaults. Throws `config_invalid` with every problem at once. */
export function parseMediaOptions(options: MediaPreparerOptions): MediaSettings {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    throw new WorkerError(
      "config_invalid",
      `Options of the media preparer refused: ${z.prettifyError(parsed.error)}`,
      { scope: "config" },
    );
  }
  const { limits, longSidePixels, jpegQuality, textLayerCharactersMin } = parsed.data;
  return {
    limits,
    render: {
      longSidePixels,
      jpegQuality,
      // JSON knows no infinity, and the settings travel as JSON.
      textLayerCharactersMin: Math.min(textLayerCharactersMin, Number.MAX_SAFE_INTEGER),
      pixelsMax: limits.pixelsMax,
      pagesMax: limits.pagesMax,
      pdfBytesMax: Math.floor(limits.memoryBytesMax * pdfMemoryShare),
    },
    processesMax: parsed.data.processesMax,
    childCommand: parsed.data.childCommand ?? defaultChildCommand(),
  };
}

function defaultChildCommand(): readonly string[] {
  return [execPath, ...runtimeFlags(), fileURLToPath(findChildProgram())];
}

/** By its exported name, because it lies elsewhere in the sources, which Bun runs, than in the built package. */
function findChildProgram(): string {
  try {
    return import.meta.resolve("@leasehold/learning/media-child");
  } catch (error) {
    throw new WorkerError(
      "config_invalid",
      "The program that prepares documents was not found; a bundled host must set childCommand.",
      { scope: "config", adapterCode: "media_not_started", cause: error },
    );
  }
}

function runtimeFlags(): readonly string[] {
  if ("Bun" in globalThis) return ["--no-orphans", "--no-env-file", "--no-install"];
  // Node's own fence: no writing, no processes, no threads. Addons are for sharp.
  return ["--permission", "--allow-fs-read=*", "--allow-addons"];
}
