import { InvalidArgumentError } from "commander";

const units: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Reads `90s`, `10m`, `3h` or `30d` as milliseconds. */
export function parseDuration(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const factor = units.get(unit);
  if (digits !== "" && factor !== undefined) return Number(digits) * factor;
  throw new InvalidArgumentError("Write a number and s, m, h or d, such as 90s, 10m, 3h or 30d.");
}

/** Reads a moment as ISO 8601, or as a duration before now. */
export function parseMoment(text: string, now: Date = new Date()): Date {
  if (/^\d+[smhd]$/.test(text)) return new Date(now.getTime() - parseDuration(text));
  const isWhole = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(
    text,
  );
  const moment = new Date(text);
  if (isWhole && !Number.isNaN(moment.getTime())) return moment;
  throw new InvalidArgumentError(
    "Write a moment such as 2026-11-22T03:00Z, or how long ago, such as 3h.",
  );
}

/** Milliseconds in the two largest units that they have. */
export function toDuration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}
