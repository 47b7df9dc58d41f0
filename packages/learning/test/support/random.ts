/** Draws of a test, the same for the same seed. */
export interface Random {
  /** A whole number from 0 to below the limit. */
  below(limit: number): number;
  one<Item>(items: readonly [Item, ...Item[]]): Item;
  /** Half of the time nothing. */
  maybe<Item>(item: Item): Item | undefined;
  /** Words of a learner, some of them odd, with every kind of white space between. */
  text(words: number): string;
}

const odd: readonly [string, ...string[]] = [
  "Bach",
  "der",
  "Läuft.",
  "warum?",
  "„So!“",
  "z.B.",
  "…",
  "🦆",
  "👩‍🏫",
  "水",
  "e\u0301",
  "\u200B",
  "[s1]",
  "</s>",
  "$1",
  ':"schema"',
  "'",
  String.raw`\u0000`,
];

const spaces: readonly [string, ...string[]] = [
  " ",
  "  ",
  "\n",
  "\n\n",
  "\r\n",
  "\r",
  "\t",
  "\u00A0",
  "\u0085",
  "\u2028",
  "\v",
  "\f",
];

export function createRandom(seed: number): Random {
  let state = (seed * 7_919) % 2_147_483_647;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
  const one: Random["one"] = (items) => items[below(items.length)] ?? items[0];
  return {
    below,
    one,
    maybe: (item) => (below(2) === 0 ? item : undefined),
    text: (words) => Array.from({ length: words }, () => one(odd) + one(spaces)).join(""),
  };
}
