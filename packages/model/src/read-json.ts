import { type SanitisedJson, sanitiseJson, sanitiseText, stripOuterFence } from "./sanitise.ts";

/** What stands in a text that should be one JSON value. */
export type JsonReading =
  | ({ readonly kind: "value" } & SanitisedJson)
  | { readonly kind: "not_json" }
  /** Parsers keep the last of two equal keys: which of the two was meant, nobody knows. */
  | { readonly kind: "key_twice" };

/** Reads one JSON value, in a code fence or bare, and cleans its strings and keys. Repairs nothing. */
export function readJson(text: string): JsonReading {
  const json = stripOuterFence(text.trim(), ["", "json"]);
  try {
    const value: unknown = JSON.parse(json);
    if (hasKeyTwice(json)) return { kind: "key_twice" };
    return { kind: "value", ...sanitiseJson(value) };
  } catch {
    // A syntax error, or a nesting so deep that walking it would exhaust the stack.
    return { kind: "not_json" };
  }
}

/** Strings (with the colon behind a key) and brackets: all that matters in a text that is known to be JSON. */
const jsonToken = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}[\]]/gs;

function hasKeyTwice(json: string): boolean {
  const open: Set<string>[] = [];
  for (const [token, literal, colon] of json.matchAll(jsonToken)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (literal !== undefined && colon !== undefined) {
      // As it will be called: two keys that differ by what nobody can see are one.
      const key = sanitiseText(String(JSON.parse(literal))).text;
      const keys = open.at(-1);
      if (keys?.has(key) === true) return true;
      keys?.add(key);
    }
  }
  return false;
}
