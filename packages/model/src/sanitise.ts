/** A text that is safe to store and to show, and what had to be done for it. */
export interface SanitisedText {
  readonly text: string;
  /** U+0000 and lone surrogates, which Postgres cannot store; each became U+FFFD. */
  readonly replaced: number;
  /** Control characters that were removed. */
  readonly controls: number;
  /** Characters that hide text or turn its direction and were removed: a sign that somebody hid something. */
  readonly hidden: number;
  /** The text was longer than allowed and lost its end. */
  readonly cut: boolean;
}

export interface SanitiseOptions {
  /** UTF-16 units that are kept. Default: no limit. */
  readonly charactersMax?: number;
}

const unstorable = /[\0\p{Cs}]/gu;

const control = /(?![\n\t])\p{Cc}/gu;

// Zero-width spaces, invisible operators, overrides of direction, and the tag characters in which whole sentences hide.
const invisible = /[\u200B\u2060-\u206F\uFEFF\u202A-\u202E\u{E0000}-\u{E007F}]/gu;

// Persian, Hindi and emoji need the two joiners, one at a time. Beside ASCII, at an end or in a run they join nothing.
const joinsNothing =
  /(?<![^\0-\x7F\u200C\u200D])[\u200C\u200D]|[\u200C\u200D](?![^\0-\x7F\u200C\u200D])/gu;

/** Makes a text that a model (or a learner) wrote safe to store and to show. Normalisation is left as it came. */
export function sanitiseText(text: string, options: SanitiseOptions = {}): SanitisedText {
  const charactersMax = options.charactersMax ?? Infinity;
  const lines = text.replaceAll(/\r\n?/g, "\n");
  const storable = replaceCounted(lines, unstorable, "\uFFFD");
  const printable = replaceCounted(storable.text, control, "");
  const visible = replaceCounted(printable.text, invisible, "");
  // Last: what a joiner joins is known only when nothing stands between any more.
  const joined = replaceCounted(visible.text, joinsNothing, "");
  const cut = joined.text.length > charactersMax;
  return {
    text: cut ? cutBetweenPairs(joined.text, charactersMax) : joined.text,
    replaced: storable.count,
    controls: printable.count,
    hidden: visible.count + joined.count,
    cut,
  };
}

/** A JSON value whose strings and keys were sanitised, and what had to be done for it. */
export interface SanitisedJson extends Omit<SanitisedText, "text" | "cut"> {
  readonly value: unknown;
}

/** Sanitises every string and key of a parsed JSON value. */
export function sanitiseJson(value: unknown): SanitisedJson {
  const counts = { replaced: 0, controls: 0, hidden: 0 };
  return { value: visit(value), ...counts };

  function visit(item: unknown): unknown {
    if (typeof item === "string") return visitText(item);
    if (Array.isArray(item)) return item.map(visit);
    if (typeof item !== "object" || item === null) return item;
    return Object.fromEntries(
      Object.entries(item).map(([key, child]) => [visitText(key), visit(child)]),
    );
  }

  function visitText(text: string): string {
    const clean = sanitiseText(text);
    counts.replaced += clean.replaced;
    counts.controls += clean.controls;
    counts.hidden += clean.hidden;
    return clean.text;
  }
}

/**
 * Takes away a code fence that encloses the whole text and names one of `languages`; `""` is a fence without a name.
 *
 * A text that merely begins and ends with code keeps its fences.
 */
export function stripOuterFence(text: string, languages: readonly string[]): string {
  const lines = text.trim().split("\n");
  const opening = /^(`{3,})([^`]*)$/.exec(lines[0] ?? "");
  if (opening === null) return text;
  const [, fence = "", language = ""] = opening;
  if (!languages.includes(language.trim().toLowerCase())) return text;
  return closesAt(lines, fence) === lines.length - 1 ? lines.slice(1, -1).join("\n") : text;
}

/** The line that closes the fence of the first line. A fence with a language opens another one inside. */
function closesAt(lines: readonly string[], fence: string): number {
  let depth = 0;
  for (const [index, line] of lines.entries()) {
    const trimmed = line.trim();
    if (index === 0 || (trimmed.startsWith(fence) && /^`+[^`]+$/.test(trimmed))) depth += 1;
    else if (trimmed === fence) depth -= 1;
    if (depth === 0) return index;
  }
  return -1;
}

function replaceCounted(
  text: string,
  pattern: RegExp,
  replacement: string,
): { readonly text: string; readonly count: number } {
  let count = 0;
  const replaced = text.replaceAll(pattern, () => {
    count += 1;
    return replacement;
  });
  return { text: replaced, count };
}

function cutBetweenPairs(text: string, charactersMax: number): string {
  const cut = text.slice(0, charactersMax);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
