import { createHash } from "node:crypto";

/** An endless series of choices that is the same for the same seed, on every runtime. */
export interface Draw {
  /** A whole number from 0 to `count - 1`. */
  below(count: number): number;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** All items, beginning anywhere. */
  rotate<Item>(items: readonly Item[]): readonly Item[];
  /** Eight hexadecimal digits. */
  hex(): string;
}

/** Bytes of a hash that one choice uses: enough that no choice we offer is visibly uneven. */
const choiceBytes = 6;

export function createDraw(seed: string): Draw {
  let count = 0;
  const next = (): Buffer => {
    count += 1;
    return createHash("sha256").update(`${seed}/${count}`).digest();
  };
  const below = (limit: number): number => next().readUIntBE(0, choiceBytes) % limit;
  return {
    below,
    pick: ([first, ...others]) => others[below(others.length + 1) - 1] ?? first,
    rotate(items) {
      const start = items.length === 0 ? 0 : below(items.length);
      return [...items.slice(start), ...items.slice(0, start)];
    },
    hex: () => next().toString("hex", 0, 4),
  };
}
