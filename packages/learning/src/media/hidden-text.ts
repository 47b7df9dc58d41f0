import type { PixelsBgrx } from "./image-codec.ts";
import { objectType } from "./page-objects.ts";
import type { Pdfium } from "./pdfium.ts";

/** Text on a page that a reader may not see, as it is found before the page is painted. */
export interface FaintText {
  /** Without what is blank. */
  readonly letters: number;
  /** Too low to be read, whatever it is painted on. */
  readonly isTiny: boolean;
  /** In points. */
  readonly bounds: Bounds;
}

interface Bounds {
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
  readonly top: number;
}

/** A page that was painted, and its number in the engine. */
export interface PaintedPage {
  readonly page: number;
  readonly pixels: PixelsBgrx;
}

/** FPDFTextObj_GetTextRenderMode: without ink, or only as the edge of something else. */
const inklessModes: ReadonlySet<number> = new Set([3, 7]);
/** The darkest of three colours, from which on text is pale enough to be looked for. */
const paleMin = 200;
/** Below it, out of 255, a colour hardly covers what is under it. */
const alphaMin = 40;
const readablePointsMin = 2;
/** Difference of brightness, out of 255, without which nobody sees a letter. */
const contrastMin = 24;
/** Objects that are looked at, and the faint ones of them that are remembered. */
const objectsMax = 20_000;
const faintMax = 1_000;
/** Bytes of one object's text that are read. */
const textBytesMax = 8_192;

/**
 * Lists text that is without ink, pale, tiny or beside the page. Whether it is hidden shows only when the page is
 * painted: a pale title may stand on a dark ground, and text without ink over the scan that it was read from.
 *
 * Text within a form is not looked at, nor what something else covers.
 */
export function listFaintText(pdfium: Pdfium, page: number): readonly FaintText[] {
  const { call } = pdfium;
  const faint: FaintText[] = [];
  const textPage = call.FPDFText_LoadPage(page);
  if (textPage === 0) return faint;
  try {
    const count = Math.min(call.FPDFPage_CountObjects(page), objectsMax);
    for (let index = 0; index < count && faint.length < faintMax; index += 1) {
      const object = call.FPDFPage_GetObject(page, index);
      if (call.FPDFPageObj_GetType(object) !== objectType.text) continue;
      const bounds = readBounds(pdfium, object);
      if (bounds === undefined) continue;
      const isTiny = bounds.top - bounds.bottom < readablePointsMin;
      if (!isTiny && !isOutside(pdfium, page, bounds) && !isPale(pdfium, object)) continue;
      const letters = countLetters(pdfium, object, textPage);
      if (letters > 0) faint.push({ letters, isTiny, bounds });
    }
    return faint;
  } finally {
    call.FPDFText_ClosePage(textPage);
  }
}

/** Counts the letters of a painted page that nobody can see on it. */
export function countHiddenLetters(
  pdfium: Pdfium,
  painted: PaintedPage,
  faint: readonly FaintText[],
): number {
  let letters = 0;
  for (const text of faint) {
    if (text.isTiny || !hasContrast(painted.pixels, toPixels(pdfium, painted, text.bounds))) {
      letters += text.letters;
    }
  }
  return letters;
}

function isPale(pdfium: Pdfium, object: number): boolean {
  const { call } = pdfium;
  if (inklessModes.has(call.FPDFTextObj_GetTextRenderMode(object))) return true;
  return withMemory(pdfium, 16, (at) => {
    if (call.FPDFPageObj_GetFillColor(object, at, at + 4, at + 8, at + 12) === 0) return false;
    const view = viewOf(pdfium, at, 16);
    const [red, green, blue, alpha] = [0, 4, 8, 12].map((offset) => view.getUint32(offset, true));
    return Math.min(red ?? 0, green ?? 0, blue ?? 0) >= paleMin || (alpha ?? 255) < alphaMin;
  });
}

function readBounds(pdfium: Pdfium, object: number): Bounds | undefined {
  return withMemory(pdfium, 16, (at) => {
    if (pdfium.call.FPDFPageObj_GetBounds(object, at, at + 4, at + 8, at + 12) === 0) {
      return undefined;
    }
    return readRectangle(viewOf(pdfium, at, 16), { bottom: 4, right: 8, top: 12 });
  });
}

function isOutside(pdfium: Pdfium, page: number, bounds: Bounds): boolean {
  const box = withMemory(pdfium, 16, (at) => {
    // This one tells the top before the right and the bottom.
    if (pdfium.call.FPDF_GetPageBoundingBox(page, at) === 0) return undefined;
    return readRectangle(viewOf(pdfium, at, 16), { top: 4, right: 8, bottom: 12 });
  });
  if (box === undefined) return false;
  return (
    bounds.right <= box.left ||
    bounds.left >= box.right ||
    bounds.top <= box.bottom ||
    bounds.bottom >= box.top
  );
}

function readRectangle(
  view: DataView,
  at: { readonly bottom: number; readonly right: number; readonly top: number },
): Bounds {
  return {
    left: view.getFloat32(0, true),
    bottom: view.getFloat32(at.bottom, true),
    right: view.getFloat32(at.right, true),
    top: view.getFloat32(at.top, true),
  };
}

function countLetters(pdfium: Pdfium, object: number, textPage: number): number {
  return withMemory(pdfium, textBytesMax, (at) => {
    const { call } = pdfium;
    // UTF-16 with a closing zero. What is longer than there is room for is not written at all.
    const bytes = call.FPDFTextObj_GetText(object, textPage, at, textBytesMax);
    if (bytes > textBytesMax) return bytes / 2;
    const text = new TextDecoder("utf-16le").decode(
      pdfium.memory(at, Math.max(0, bytes - 2)).slice(),
    );
    return text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
  });
}

/** Where something is on the picture, which may be turned: left, top, right, bottom. */
function toPixels(
  pdfium: Pdfium,
  { page, pixels }: PaintedPage,
  { left, bottom, right, top }: Bounds,
): readonly [number, number, number, number] {
  return withMemory(pdfium, 8, (at) => {
    const place = (x: number, y: number): readonly [number, number] => {
      const size = [pixels.width, pixels.height] as const;
      pdfium.call.FPDF_PageToDevice(page, 0, 0, ...size, 0, x, y, at, at + 4);
      const view = viewOf(pdfium, at, 8);
      return [view.getInt32(0, true), view.getInt32(4, true)];
    };
    const [[x1, y1], [x2, y2]] = [place(left, bottom), place(right, top)];
    return [
      Math.max(0, Math.min(x1, x2)),
      Math.max(0, Math.min(y1, y2)),
      Math.min(pixels.width - 1, Math.max(x1, x2)),
      Math.min(pixels.height - 1, Math.max(y1, y2)),
    ];
  });
}

function hasContrast(
  { width, data }: PixelsBgrx,
  [left, top, right, bottom]: readonly [number, number, number, number],
): boolean {
  let darkest = 255;
  let brightest = 0;
  for (let y = top; y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      const at = (y * width + x) * 4;
      const brightness = ((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0)) / 3;
      darkest = Math.min(darkest, brightness);
      brightest = Math.max(brightest, brightness);
      if (brightest - darkest >= contrastMin) return true;
    }
  }
  return false;
}

function withMemory<Result>(
  pdfium: Pdfium,
  bytes: number,
  use: (pointer: number) => Result,
): Result {
  const pointer = pdfium.allocate(bytes);
  try {
    return use(pointer);
  } finally {
    pdfium.free(pointer);
  }
}

/** Valid until the next call. */
function viewOf(pdfium: Pdfium, pointer: number, length: number): DataView {
  const { buffer, byteOffset, byteLength } = pdfium.memory(pointer, length);
  return new DataView(buffer, byteOffset, byteLength);
}
