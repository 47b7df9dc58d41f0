import type { Pdfium } from "./pdfium.ts";

/** What FPDFPageObj_GetType answers. */
export const objectType: {
  readonly text: 1;
  readonly path: 2;
  readonly image: 3;
  readonly form: 5;
} = { text: 1, path: 2, image: 3, form: 5 };
/** What FPDFTextObj_GetTextRenderMode answers for text that leaves no ink. */
const invisibleText = 3;

/** Share of the page that pictures may cover before it must be looked at: a logo, not a photographed worksheet. */
const pictureShareMax = 0.04;
/** Segments of a path that is more than a line, a frame or a bullet. */
const strokeSegmentsMin = 13;
/** Paths of that length that a printed page may have. A word written by hand has about as many. */
const strokesMax = 4;
/** Objects that are looked at. A page with more is drawn rather than written. */
const objectsMax = 20_000;
const formDepthMax = 4;

interface Tally {
  objects: number;
  strokes: number;
  pictureArea: number;
}

/** A page or a form on it: something that holds objects. */
interface ObjectHolder {
  readonly count: number;
  readonly at: (index: number) => number;
}

/**
 * Tells whether a page shows more than its text layer says: scans, photographs, handwriting as strokes, or text that
 * nobody can see, which scanners and cheats put under a page.
 *
 * When in doubt the answer is yes: the page is then read from its picture.
 */
export function showsMoreThanText(pdfium: Pdfium, page: number, pageArea: number): boolean {
  const tally: Tally = { objects: 0, strokes: 0, pictureArea: 0 };
  const { call } = pdfium;

  const isSuspicious = (object: number, depth: number): boolean => {
    tally.objects += 1;
    switch (call.FPDFPageObj_GetType(object)) {
      case objectType.text:
        if (call.FPDFTextObj_GetTextRenderMode(object) === invisibleText) return true;
        break;
      case objectType.path:
        if (call.FPDFPath_CountSegments(object) >= strokeSegmentsMin) tally.strokes += 1;
        break;
      case objectType.image:
        // A picture inside a form is measured in the form's own units, so its size says nothing here.
        if (depth > 0) return true;
        tally.pictureArea += areaOf(pdfium, object);
        break;
      case objectType.form:
        if (depth === formDepthMax || hasSuspicious(formObjects(pdfium, object), depth + 1)) {
          return true;
        }
        break;
      default:
        break;
    }
    return (
      tally.objects > objectsMax ||
      tally.strokes > strokesMax ||
      tally.pictureArea > pageArea * pictureShareMax
    );
  };
  const hasSuspicious = (holder: ObjectHolder, depth: number): boolean => {
    for (let index = 0; index < holder.count; index++) {
      if (isSuspicious(holder.at(index), depth)) return true;
    }
    return false;
  };

  return hasSuspicious(
    {
      count: call.FPDFPage_CountObjects(page),
      at: (index) => call.FPDFPage_GetObject(page, index),
    },
    0,
  );
}

function formObjects({ call }: Pdfium, form: number): ObjectHolder {
  return {
    count: call.FPDFFormObj_CountObjects(form),
    at: (index) => call.FPDFFormObj_GetObject(form, index),
  };
}

/** In square points. An object without bounds counts as large. */
function areaOf(pdfium: Pdfium, object: number): number {
  const sides = pdfium.allocate(16);
  try {
    const isKnown = pdfium.call.FPDFPageObj_GetBounds(
      object,
      sides,
      sides + 4,
      sides + 8,
      sides + 12,
    );
    if (isKnown === 0) return Number.POSITIVE_INFINITY;
    const bytes = pdfium.memory(sides, 16);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const width = view.getFloat32(8, true) - view.getFloat32(0, true);
    const height = view.getFloat32(12, true) - view.getFloat32(4, true);
    return Math.abs(width * height);
  } finally {
    pdfium.free(sides);
  }
}
