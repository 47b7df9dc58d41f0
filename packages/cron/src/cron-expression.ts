import { Cron } from "croner";

/** The moments that a cron expression means in a time zone. */
export interface CronCalendar {
  /** The first moments after `from`, and not after `until`; at most `max` of them. */
  listAfter(from: Date, until: Date, max: number): readonly Date[];
  /** The last moments not after `until`, and after `from`; at most `max` of them, the oldest first. */
  listUntil(until: Date, from: Date, max: number): readonly Date[];
}

/** Reads an expression that {@link findCronProblem} and {@link findTimeZoneProblem} have nothing to say about. */
export function readCron(cron: string, timeZone: string): CronCalendar {
  const expression = parse(cron, timeZone);
  return {
    listAfter(from, until, max) {
      const moments: Date[] = [];
      let moment = expression.nextRun(from);
      while (moment !== null && moment <= until && moments.length < max) {
        moments.push(moment);
        moment = expression.nextRun(moment);
      }
      return moments;
    },
    listUntil(until, from, max) {
      if (max === 0) return [];
      // The library looks before a moment, by whole seconds.
      const after = new Date(until.getTime() + 1_000);
      const moments = expression.previousRuns(max + 1, after).filter((moment) => moment <= until);
      return moments
        .slice(0, max)
        .filter((moment) => moment > from)
        .toReversed();
    },
  };
}

/**
 * Without a function to call, the library starts no timer.
 *
 * The second option says which nights of the two changes of the clock are special, and for which expressions; see
 * `docs/decisions`.
 */
function parse(cron: string, timeZone: string): Cron {
  return new Cron(cron, { mode: "5-part", fixedTimeRule: "no-wildcard", timezone: timeZone });
}

const fields = [
  { name: "minute", values: "0 to 59" },
  { name: "hour", values: "0 to 23" },
  { name: "day of the month", values: "1 to 31, or L for the last" },
  { name: "month", values: "1 to 12, or JAN to DEC" },
  { name: "weekday", values: "0 to 7, or SUN to SAT" },
] as const;

const nicknames = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"];

/** Tells what is wrong with an expression and what would be right; nothing when it is right. */
export function findCronProblem(cron: string): string | undefined {
  const words = cron.trim().split(/\s+/);
  if (cron.startsWith("@")) {
    if (nicknames.includes(cron)) return undefined;
    return `"${cron}" is not known: write ${nicknames.join(", ")} or five fields`;
  }
  if (words.length !== fields.length) {
    const names = fields.map(({ name }) => name).join(", ");
    return `must have five fields (${names}), got ${cron.trim() === "" ? 0 : words.length}`;
  }
  for (const [index, { name, values }] of fields.entries()) {
    const word = words[index] ?? "";
    const alone = fields.map((_, place) => (place === index ? word : "*")).join(" ");
    // The library puts the time of its being read where it finds a question mark.
    if (word.includes("?") || !canParse(alone)) {
      return `the ${name} "${word}" is not understood: write ${values}; *, or a list (1,2), range (1-5) or step (*/5)`;
    }
  }
  if (!canParse(cron)) return `"${cron}" is not understood`;
  if (parse(cron, "UTC").nextRun(new Date(0)) === null)
    return `"${cron}" names a day that never comes`;
  return undefined;
}

function canParse(cron: string): boolean {
  try {
    parse(cron, "UTC");
    return true;
  } catch {
    return false;
  }
}

/** Tells what is wrong with the name of a time zone; nothing when this runtime knows it. */
export function findTimeZoneProblem(timeZone: string): string | undefined {
  const problem = `"${timeZone}" is no time zone: write a name of the IANA database, such as Europe/Berlin or UTC`;
  // An offset is no zone: it knows no summer.
  if (!/^[A-Za-z]/.test(timeZone)) return problem;
  try {
    Intl.DateTimeFormat("en", { timeZone });
    return undefined;
  } catch {
    return problem;
  }
}
