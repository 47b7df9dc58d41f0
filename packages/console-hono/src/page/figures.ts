import type { Words } from "./words.ts";

/** Numbers and times in the reader's language, all told from one moment. */
export interface Figures {
  count(value: number): string;
  /** With one digit after the point, where that says something. */
  rate(value: number): string;
  /** `62 %` of a whole, from a share between 0 and 1. */
  percent(share: number): string;
  /** `340 MB`, `4.7 GB`. */
  bytes(value: number): string;
  /** `3 minutes ago`, `in 20 seconds`. */
  relative(at: Date): string;
  /** The same moment for everybody: date, time and zone. */
  absolute(at: Date): string;
  /** `340 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
  span(ms: number): string;
  readonly now: Date;
}

const megabyte = 1_000_000;
const gigabyte = 1_000 * megabyte;
const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Makes the figures of one answer. */
export function createFigures({ language, units, justNow }: Words, now: Date): Figures {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const portion = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
  const ago = new Intl.RelativeTimeFormat(language, { numeric: "always", style: "long" });
  const span = (ms: number): string => {
    if (ms < second) return `${whole.format(ms)} ms`;
    if (ms < 10 * second) return `${fine.format(ms / second)} s`;
    // Rounded before it is taken apart, so that there are never 60 seconds to a minute.
    const rounded = ms < hour ? Math.round(ms / second) * second : Math.round(ms / minute) * minute;
    if (rounded < minute) return `${whole.format(rounded / second)} s`;
    if (rounded < hour) return pair(rounded, [minute, "min"], [second, "s"]);
    if (rounded < day) return pair(rounded, [hour, units.hour], [minute, "min"]);
    return pair(Math.floor(rounded / hour) * hour, [day, units.day], [hour, units.hour]);
  };
  return {
    now,
    count: (value) => whole.format(value),
    percent: (share) => portion.format(share),
    bytes: (value) =>
      value < gigabyte
        ? `${whole.format(value / megabyte)} MB`
        : `${fine.format(value / gigabyte)} GB`,
    rate: (value) => (value < 10 ? fine : whole).format(value),
    absolute: (at) => `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`,
    relative(at) {
      const distance = Math.abs(at.getTime() - now.getTime());
      if (distance < second) return justNow;
      const [unit, size] = unitOf(distance);
      return ago.format(Math.trunc((at.getTime() - now.getTime()) / size), unit);
    },
    span,
  };
}

function pair(
  ms: number,
  [large, largeName]: readonly [number, string],
  [small, smallName]: readonly [number, string],
): string {
  const rest = Math.floor((ms % large) / small);
  const head = `${Math.floor(ms / large)} ${largeName}`;
  return rest === 0 ? head : `${head} ${rest} ${smallName}`;
}

function unitOf(ms: number): readonly [Intl.RelativeTimeFormatUnit, number] {
  if (ms < minute) return ["second", second];
  if (ms < hour) return ["minute", minute];
  return ms < 2 * day ? ["hour", hour] : ["day", day];
}
