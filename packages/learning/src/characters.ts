/** Counts code points, as Postgres does. */
export function countCharacters(text: string): number {
  return Array.from(text).length;
}

/** Tells whether a text has at most so many code points. A text that is short in any measure is not counted. */
export function fitsCharacters(text: string, charactersMax: number): boolean {
  return text.length <= charactersMax || countCharacters(text) <= charactersMax;
}
