/** From 0 up to, not including, 1. */
export type Random = () => number;

/** Numbers that look random and are the same each time for a seed: a test that failed fails again. */
export function createRandom(seed: string): Random {
  let state = Bun.hash.wyhash(seed) & 0xffff_ffffn;
  return () => {
    // A linear congruential generator, good enough to pick characters with.
    state = (state * 1_664_525n + 1_013_904_223n) & 0xffff_ffffn;
    return Number(state) / 2 ** 32;
  };
}

const nasty = [
  "\u0000",
  "\ud800",
  "\udfff",
  "\ud83d\ude00",
  "\\u0000",
  '"',
  "\\",
  "\u2028",
  "\ufffd",
  "'",
  "\r\n",
];

/** Up to twenty UTF-16 units, a third of them such that have broken queues before. */
export function hostileText(random: Random): string {
  let text = "";
  const length = Math.floor(random() * 20);
  for (let unit = 0; unit < length; unit += 1) {
    const isNasty = random() < 1 / 3;
    text += isNasty
      ? (nasty[Math.floor(random() * nasty.length)] ?? "")
      : String.fromCharCode(Math.floor(random() * 0x1_0000));
  }
  return text;
}
