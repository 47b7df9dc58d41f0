import type { Draw } from "./draw.ts";

/** Writes one text of a pattern. An unbounded repetition is done at most `extraMax` times more than it must be. */
type Writer = (draw: Draw, extraMax: number) => string;

// What a class of characters may draw from: printable ASCII, then some letters and signs of the rest of the world.
const alphabet = [
  ...Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)),
  ...Array.from("\t\näöüßéñçλЖ中あ€…😀"),
];

/**
 * Makes a writer of texts that match a regular expression, as far as one can without searching.
 *
 * Look-around, back references and word boundaries are passed over, so the caller must hold each text against the real
 * expression. Answers `undefined` for an expression that is none.
 */
export function createPatternWriter(pattern: string): Writer | undefined {
  const expression = toExpression(pattern);
  if (expression === undefined) return undefined;
  const reader = { source: Array.from(pattern), at: 0, flags: expression.flags };
  return readAlternatives(reader);
}

/** The expression of a pattern, by the rules of JSON Schema where they can be had. */
export function toExpression(pattern: string): RegExp | undefined {
  for (const flags of ["u", ""]) {
    try {
      return new RegExp(pattern, flags);
    } catch {
      // Older patterns escape what the strict rules do not allow; then the lax ones are tried.
    }
  }
  return undefined;
}

/** What a repetition within a repetition may add: together they would soon write books. */
const nestedExtraMax = 3;

interface Reader {
  readonly source: readonly string[];
  readonly flags: string;
  at: number;
}

function readAlternatives(reader: Reader): Writer {
  const first = readSequence(reader);
  const others: Writer[] = [];
  while (reader.source[reader.at] === "|") {
    reader.at += 1;
    others.push(readSequence(reader));
  }
  return (draw, extraMax) => draw.pick([first, ...others])(draw, extraMax);
}

function readSequence(reader: Reader): Writer {
  const writers: Writer[] = [];
  while (reader.at < reader.source.length && !/^[|)]$/.test(reader.source[reader.at] ?? "")) {
    writers.push(readRepeated(reader));
  }
  return (draw, extraMax) => writers.map((write) => write(draw, extraMax)).join("");
}

function readRepeated(reader: Reader): Writer {
  const write = readAtom(reader);
  const rest = reader.source.slice(reader.at, reader.at + 16).join("");
  const [quantifier = "", sign, from, comma, to] =
    /^(?:([*+?])|\{(\d+)(,)?(\d*)\})\??/.exec(rest) ?? [];
  if (quantifier === "") return write;
  reader.at += quantifier.length;
  const min = sign === undefined ? Number(from) : sign === "+" ? 1 : 0;
  const isOpen = sign === "*" || sign === "+" || (comma !== undefined && to === "");
  const max = sign === "?" ? 1 : comma === undefined ? min : Number(to);
  return (draw, extraMax) => {
    const extra = isOpen ? extraMax : Math.min(extraMax, max - min);
    const times = min + draw.below(extra + 1);
    return Array.from({ length: times }, () =>
      write(draw, Math.min(extraMax, nestedExtraMax)),
    ).join("");
  };
}

function readAtom(reader: Reader): Writer {
  const rest = reader.source.slice(reader.at).join("");
  const [group] = /^\((?:\?(?:<?[=!]|:|<[^>]*>))?/.exec(rest) ?? [];
  if (group !== undefined) return readGroup(reader, group);
  const [nothing] = /^(?:[\^$]|\\[bB]|\\[1-9]|\\k<[^>]*>)/.exec(rest) ?? [];
  if (nothing !== undefined) {
    reader.at += Array.from(nothing).length;
    return () => "";
  }
  const [atom = ""] =
    /^(?:\[(?:\\.|[^\]\\])*\]|\\(?:u\{[^}]*\}|u.{4}|x..|c.|[pP]\{[^}]*\}|.)|.)/su.exec(rest) ?? [];
  reader.at += Array.from(atom).length;
  if (!/^[[\\.]/.test(atom)) return () => atom;
  // The engine itself knows best what a class or an escape means.
  const expression = new RegExp(`^(?:${atom})$`, reader.flags);
  const [first, ...others] = alphabet.filter((character) => expression.test(character));
  return (draw) => (first === undefined ? "" : draw.pick([first, ...others]));
}

function readGroup(reader: Reader, opening: string): Writer {
  reader.at += opening.length;
  const write = readAlternatives(reader);
  reader.at += 1;
  return /[=!]$/.test(opening) ? () => "" : write;
}
