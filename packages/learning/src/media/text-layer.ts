/** Shares of the visible characters of a page. */
const unreadableShareMax = 0.02;
const wordShareMin = 0.5;

/** What a font without a usable character map leaves behind. */
const unreadable = /[\p{Cc}\p{Co}\p{Cn}\p{Cs}\uFFFD]/gu;
const wordCharacter = /[\p{L}\p{N}]/gu;

/**
 * Makes plain text of what PDFium extracts: line feeds, whole words where a line ended in a hyphen, and no character
 * that a database would refuse.
 */
export function cleanTextLayer(extracted: string): string {
  return (
    extracted
      .toWellFormed()
      .replaceAll(/\r\n?/g, "\n")
      // PDFium joins a word that was divided at the end of a line and leaves this mark in the place of the hyphen.
      .replaceAll("\uFFFE", "")
      .replaceAll("\u0000", "\uFFFD")
      .normalize("NFC")
      .trim()
  );
}

/**
 * Tells whether a cleaned text layer may stand in for the picture of its page: long enough, and words.
 *
 * Fonts without a character map extract as signs, boxes or control characters. Reading the picture costs a model call;
 * grading such a text would cost the learner the grade.
 */
export function isReadableText(text: string, charactersMin: number): boolean {
  const visible = text.replaceAll(/\s+/g, "");
  if (visible.length < charactersMin) return false;
  const unreadables = visible.match(unreadable)?.length ?? 0;
  const wordCharacters = visible.match(wordCharacter)?.length ?? 0;
  return (
    unreadables <= visible.length * unreadableShareMax &&
    wordCharacters >= visible.length * wordShareMin
  );
}
