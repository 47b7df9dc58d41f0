import { countHiddenLetters, listFaintText } from "./hidden-text.ts";
import type { PixelsBgrx } from "./image-codec.ts";
import { MediaRefusal } from "./media-refusal.ts";
import { showsMoreThanText } from "./page-objects.ts";
import type { Pdfium } from "./pdfium.ts";
import type { RenderSettings } from "./protocol.ts";
import { cleanTextLayer, isReadableText } from "./text-layer.ts";

/** A page is read from its own text, or from a picture of it. */
export type PdfPage = PageContent & {
  /** It carries words that nobody sees on it. Its own text is then not taken. */
  readonly hidesText: boolean;
};

type PageContent = { readonly text: string } | { readonly pixels: PixelsBgrx };

/** An opened document. It is never closed: its process ends with it. */
export interface PdfDocument {
  readonly pageCount: number;
  /** From 1. */
  readPage(page: number): PdfPage;
}

/** What FPDF_GetLastError answers for a password, and for a way of locking that PDFium does not know. */
const lockedErrors: ReadonlySet<number> = new Set([4, 5]);
/** FPDFAnnot_GetSubtype: links and the closed windows of comments add nothing to read. */
const silentAnnotations: ReadonlySet<number> = new Set([2, 16]);
const annotationsMax = 1000;
/** A remark to a model takes more; a number of a page or a mark of a program less. */
const hiddenLettersMin = 12;
const flattenForDisplay = 0;
/** FPDFBitmap_BGRx: blue, green, red, unused. */
const bitmapFormat = 3;
const bytesPerPixel = 4;
const opaqueWhite = 0xffffffff;
const drawAnnotations = 1;
/** Pixels per point, so that a stamp-sized page is not blown up to nothing but blur. 4 is 288 dots per inch. */
const scaleMax = 4;

/** Opens a document. Throws a `MediaRefusal` for one that is damaged, locked or too long. */
export function openPdf(pdfium: Pdfium, bytes: Uint8Array, settings: RenderSettings): PdfDocument {
  return guarded(pdfium, () => {
    const { call } = pdfium;
    // PDFium reads from this memory for as long as the document is open.
    const data = pdfium.allocate(bytes.length);
    pdfium.memory(data, bytes.length).set(bytes);
    const document = call.FPDF_LoadMemDocument(data, bytes.length, 0);
    if (document === 0) {
      const isLocked = lockedErrors.has(call.FPDF_GetLastError());
      throw new MediaRefusal(isLocked ? "pdf_encrypted" : "pdf_damaged");
    }
    const pageCount = call.FPDF_GetPageCount(document);
    if (pageCount < 1) throw new MediaRefusal("pdf_damaged");
    if (pageCount > settings.pagesMax) throw new MediaRefusal("pages_limit");
    return {
      pageCount,
      readPage: (page) => guarded(pdfium, () => readPage(pdfium, { document, page }, settings)),
    };
  });
}

/** Runs one piece of work and turns every way in which the engine gives up into a refusal. */
function guarded<Result>(pdfium: Pdfium, work: () => Result): Result {
  let result: Result;
  try {
    result = work();
  } catch (error) {
    if (pdfium.wasStarved()) throw new MediaRefusal("memory_limit");
    if (error instanceof MediaRefusal) throw error;
    // The engine stopped in the middle; nothing it says afterwards can be relied on.
    throw new MediaRefusal("media_crashed");
  }
  // PDFium paints what it had memory for and reports success, so a page may lack its only picture.
  if (pdfium.wasStarved()) throw new MediaRefusal("memory_limit");
  return result;
}

function readPage(
  pdfium: Pdfium,
  { document, page }: { readonly document: number; readonly page: number },
  settings: RenderSettings,
): PdfPage {
  const { call } = pdfium;
  let handle = loadPage(pdfium, document, page);
  let text: string | undefined;
  try {
    if (hasAnnotations(pdfium, handle)) {
      // Filled fields, ink and notes become part of the page; without this, fields are not painted at all.
      call.FPDFPage_Flatten(handle, flattenForDisplay);
      call.FPDF_ClosePage(handle);
      handle = loadPage(pdfium, document, page);
    } else {
      // The text must be read before the page is painted: afterwards PDFium reads out of bounds.
      text = readTextLayer(pdfium, handle, settings);
    }
    const faint = listFaintText(pdfium, handle);
    if (text !== undefined && faint.length === 0) return { text, hidesText: false };
    const pixels = paint(pdfium, handle, settings.longSidePixels);
    const hidden = countHiddenLetters(pdfium, { page: handle, pixels }, faint);
    const content = text === undefined || hidden > 0 ? { pixels } : { text };
    return { ...content, hidesText: hidden >= hiddenLettersMin };
  } finally {
    call.FPDF_ClosePage(handle);
  }
}

function loadPage({ call }: Pdfium, document: number, page: number): number {
  const handle = call.FPDF_LoadPage(document, page - 1);
  if (handle === 0) throw new MediaRefusal("page_damaged");
  return handle;
}

function hasAnnotations({ call }: Pdfium, page: number): boolean {
  const count = call.FPDFPage_GetAnnotCount(page);
  if (count > annotationsMax) return true;
  for (let index = 0; index < count; index++) {
    const annotation = call.FPDFPage_GetAnnot(page, index);
    if (annotation === 0) continue;
    const subtype = call.FPDFAnnot_GetSubtype(annotation);
    call.FPDFPage_CloseAnnot(annotation);
    if (!silentAnnotations.has(subtype)) return true;
  }
  return false;
}

function readTextLayer(
  pdfium: Pdfium,
  page: number,
  { textLayerCharactersMin }: RenderSettings,
): string | undefined {
  const text = cleanTextLayer(extractText(pdfium, page));
  if (!isReadableText(text, textLayerCharactersMin)) return undefined;
  const { width, height } = sizeOf(pdfium, page);
  return showsMoreThanText(pdfium, page, width * height) ? undefined : text;
}

function extractText(pdfium: Pdfium, page: number): string {
  const { call } = pdfium;
  const textPage = call.FPDFText_LoadPage(page);
  if (textPage === 0) return "";
  try {
    const characters = call.FPDFText_CountChars(textPage);
    if (characters < 1) return "";
    // UTF-16 with a closing zero.
    const target = pdfium.allocate((characters + 1) * 2);
    const written = call.FPDFText_GetText(textPage, 0, characters, target);
    const bytes = pdfium.memory(target, Math.max(0, written - 1) * 2);
    const text = new TextDecoder("utf-16le").decode(bytes);
    pdfium.free(target);
    return text;
  } finally {
    call.FPDFText_ClosePage(textPage);
  }
}

function sizeOf({ call }: Pdfium, page: number): { width: number; height: number } {
  const width = call.FPDF_GetPageWidthF(page);
  const height = call.FPDF_GetPageHeightF(page);
  if (!(width > 0 && height > 0)) throw new MediaRefusal("page_damaged");
  return { width, height };
}

function paint(pdfium: Pdfium, page: number, longSidePixels: number): PixelsBgrx {
  const { call } = pdfium;
  const points = sizeOf(pdfium, page);
  const scale = Math.min(longSidePixels / Math.max(points.width, points.height), scaleMax);
  const width = Math.max(1, Math.round(points.width * scale));
  const height = Math.max(1, Math.round(points.height * scale));
  const bitmap = call.FPDFBitmap_CreateEx(width, height, bitmapFormat, 0, 0);
  if (bitmap === 0) throw new MediaRefusal("memory_limit");
  call.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, opaqueWhite);
  call.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, drawAnnotations);
  const stride = call.FPDFBitmap_GetStride(bitmap);
  // Rows of four-byte pixels are never padded; if that changes, the picture would be sheared.
  if (stride !== width * bytesPerPixel) throw new MediaRefusal("media_crashed");
  const data = pdfium.memory(call.FPDFBitmap_GetBuffer(bitmap), stride * height).slice();
  call.FPDFBitmap_Destroy(bitmap);
  return { width, height, data };
}
