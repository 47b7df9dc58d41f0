/** What a text is held against. */
export interface LeakCheckOptions {
  readonly hints: string | undefined;
  readonly instruction: string | undefined;
  readonly segments: readonly { readonly text: string }[];
  readonly criteria: readonly { readonly name: string }[];
}

/** Words in a row that give a hint away. */
const wordsInARow = 5;

/** A line of hints that is shorter than that gives itself away as a whole, from so many words on. */
const lineWordsMin = 3;

/**
 * Returns a test for texts that repeat the teacher's hints: five of their words in a row, or a short line of them.
 *
 * What the learner wrote, or was given as the task or a criterion, is no secret and may be repeated. Somebody who says
 * the same in other words is not found out.
 */
export function createLeakCheck(options: LeakCheckOptions): (text: string) => boolean {
  const { hints, instruction = "", segments, criteria } = options;
  if (hints === undefined) return () => false;
  const known = [
    segments.map(({ text }) => text).join(" "),
    instruction,
    ...criteria.map(({ name }) => name),
  ].map(toPhrase);
  const secrets = [...new Set(toSecrets(hints))].filter((secret) =>
    known.every((phrase) => !phrase.includes(secret)),
  );
  return (text) => {
    const phrase = toPhrase(text);
    return secrets.some((secret) => phrase.includes(secret));
  };
}

function toSecrets(hints: string): readonly string[] {
  const words = toWords(hints);
  const rows = words
    .slice(0, Math.max(0, words.length - wordsInARow + 1))
    .map((_, start) => words.slice(start, start + wordsInARow));
  const shortLines = hints
    .split(/[\n.!?;]+/u)
    .map(toWords)
    .filter(({ length }) => length >= lineWordsMin && length < wordsInARow);
  return [...rows, ...shortLines].map(join);
}

function toPhrase(text: string): string {
  return join(toWords(text));
}

/** With a border on both sides, so that a phrase is found between words only. */
function join(words: readonly string[]): string {
  return ` ${words.join(" ")} `;
}

/** Words as they sound: neither emphasis nor case nor accents nor punctuation makes a difference. */
function toWords(text: string): readonly string[] {
  const plain = text
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Cf}]/gu, "")
    .toLowerCase();
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}
