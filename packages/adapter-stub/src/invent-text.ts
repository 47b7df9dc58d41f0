import type { Draw } from "./draw.ts";
import { type JsonSchema, toList, unanswerable } from "./json-schema.ts";
import { createPatternWriter, toExpression } from "./pattern.ts";

/** Rounds of texts that are held against the patterns before a schema counts as unanswerable. */
const writesMax = 100;

/** Repetitions that a pattern without an end is given at most. */
const extrasMax = 1_000;

/** Characters of an invented text that has no limit of its own, or a very high one. */
const charactersMax = 100_000;

const formats: Readonly<Record<string, (draw: Draw) => string>> = {
  date: () => "2026-01-31",
  time: () => "12:34:56Z",
  "date-time": () => "2026-01-31T12:34:56Z",
  duration: () => "P1DT2H",
  email: (draw) => `${draw.hex()}@synthetic.invalid`,
  hostname: (draw) => `${draw.hex()}.synthetic.invalid`,
  ipv4: (draw) => `192.0.2.${draw.below(256)}`,
  ipv6: (draw) => `2001:db8::${draw.below(65_536).toString(16)}`,
  uri: (draw) => `https://synthetic.invalid/${draw.hex()}`,
  "uri-reference": (draw) => `/synthetic/${draw.hex()}`,
  uuid: (draw) => {
    const [a, b, c, d] = [draw.hex(), draw.hex(), draw.hex(), draw.hex()];
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-8${c.slice(1, 4)}-${c.slice(4)}${d}`;
  },
};

/** Invents a text within the limits of its schema. Where it may, it says itself that it is synthetic. */
export function inventText(schema: JsonSchema, draw: Draw): string {
  const min = Number(schema["minLength"] ?? 0);
  const max = Number(schema["maxLength"] ?? Infinity);
  if (min > max || min > charactersMax) throw unanswerable("a text has impossible limits");
  const patterns = toList(schema["pattern"]).map(String);
  const fits = createCheck(patterns, { min, max });
  const format = formats[String(schema["format"])]?.(draw);
  if (format !== undefined && fits(format)) return format;
  const [pattern] = patterns;
  const text =
    pattern === undefined
      ? writeWords(draw, { min, max })
      : drawPattern(pattern, draw, { min, max, fits });
  if (text === undefined) throw unanswerable("no text was found for a pattern");
  return text;
}

interface Limits {
  readonly min: number;
  readonly max: number;
}

interface Check {
  readonly fits: (text: string) => boolean;
}

function createCheck(patterns: readonly string[], { min, max }: Limits): Check["fits"] {
  const expressions = patterns.map((pattern) => {
    const expression = toExpression(pattern);
    if (expression === undefined) throw unanswerable("a pattern is no regular expression");
    return expression;
  });
  return (text) =>
    text.length >= min &&
    text.length <= max &&
    expressions.every((expression) => expression.test(text));
}

function writeWords(draw: Draw, { min, max }: Limits): string {
  const text = `Synthetic text ${draw.hex()}.`;
  const filled = text.length < min ? text.padEnd(min, " synthetic") : text;
  return filled.slice(0, max);
}

/** Writes until a text fits. Repetitions without an end are tried short and long, for a text may have to be either. */
function drawPattern(pattern: string, draw: Draw, check: Limits & Check): string | undefined {
  const write = createPatternWriter(pattern);
  if (write === undefined) return undefined;
  for (let writes = 0; writes < writesMax; writes += 1) {
    for (const extraMax of [0, 3, Math.min(check.min, extrasMax), Math.min(check.max, extrasMax)]) {
      const text = write(draw, extraMax);
      if (check.fits(text)) return text;
    }
  }
  return undefined;
}
