import { sanitiseText } from "@leasehold/model";

/** A piece of the learner's text that a model can point at instead of quoting it. */
export interface Segment {
  /** `s1`, `s2`, … in the order of the text. */
  readonly id: string;
  readonly text: string;
}

/** Segments of one text. More would make the answer's grammar slow; longer texts have longer segments. */
const segmentsMax = 120;

/** The end of a sentence, or of a line by any of the characters that end one: a segment is one line of the prompt. */
const border = /(?<=[.!?…])\s+|[\n\v\f\r\u0085\u2028\u2029]+/u;

/**
 * Numbers a text by sentences and lines.
 *
 * Joined again, the segments are the whole text but for white space and what cannot be seen: nothing is left out that a
 * model should judge.
 */
export function toSegments(text: string): readonly Segment[] {
  const pieces = text
    .split(border)
    // The model reads what a person would see.
    .map((piece) => sanitiseText(piece).text.trim())
    .filter((piece) => piece !== "");
  const perSegment = Math.max(1, Math.ceil(pieces.length / segmentsMax));
  const segments: Segment[] = [];
  for (let start = 0; start < pieces.length; start += perSegment) {
    const joined = pieces.slice(start, start + perSegment).join(" ");
    segments.push({ id: `s${segments.length + 1}`, text: joined });
  }
  return segments;
}
