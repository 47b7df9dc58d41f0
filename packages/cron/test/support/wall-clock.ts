// What a cron expression means, once more: slowly, minute by minute, by the clock on the wall of the zone, and with
// nothing of the library that the product reads expressions with.

const minuteMs = 60_000;

interface Stretch {
  /** Left out, as the product leaves it out. */
  readonly from: Date;
  readonly until: Date;
}

/** Every minute that the expression (numbers, lists, ranges, steps) means in the zone, as ISO 8601. */
export function listMinutes(
  cron: string,
  timeZone: string,
  { from, until }: Stretch,
): readonly string[] {
  const matches = readFields(cron);
  const isInterval = /[*/]/.test(cron.split(" ").slice(0, 2).join());
  const wallOf = readWall(timeZone);
  const found: string[] = [];
  // The wall clock stood here before; what it shows again is nothing new.
  let latest = highest(wallOf, from);
  for (let time = from.getTime() + minuteMs; time <= until.getTime(); time += minuteMs) {
    const wall = wallOf(time);
    const isMeant = isInterval ? matches(wall) : anyBetween(latest, wall, matches);
    latest = Math.max(latest, wall);
    if (isMeant) found.push(new Date(time).toISOString());
  }
  return found;
}

/** A time that the clock leaps over is meant by the minute that it lands on. */
function anyBetween(latest: number, wall: number, matches: (wall: number) => boolean): boolean {
  for (let each = latest + minuteMs; each <= wall; each += minuteMs) {
    if (matches(each)) return true;
  }
  return false;
}

function highest(wallOf: (time: number) => number, from: Date): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (let minutes = 0; minutes <= 24 * 60; minutes += 1) {
    latest = Math.max(latest, wallOf(from.getTime() - minutes * minuteMs));
  }
  return latest;
}

const walls = new Map<string, (time: number) => number>();

/** The wall clock of a zone, as if it were one of UTC. To read it takes long, so each time is read once. */
function readWall(timeZone: string): (time: number) => number {
  const known = walls.get(timeZone);
  if (known !== undefined) return known;
  const read = openWall(timeZone);
  const times = new Map<number, number>();
  const wallOf = (time: number): number => {
    const wall = times.get(time) ?? read(time);
    times.set(time, wall);
    return wall;
  };
  walls.set(timeZone, wallOf);
  return wallOf;
}

function openWall(timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  return (time) => {
    const parts = new Map(
      format.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
    );
    const read = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN;
    return Date.UTC(read("year"), read("month") - 1, read("day"), read("hour"), read("minute"));
  };
}

function readFields(cron: string): (wall: number) => boolean {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.split(" ");
  const minutes = readField(minute, 0, 59);
  const hours = readField(hour, 0, 23);
  const days = readField(day, 1, 31);
  const months = readField(month, 1, 12);
  const weekdays = readField(weekday.replaceAll("7", "0"), 0, 6);
  // Two conditions on the day, and either will do.
  const isEither = day !== "*" && weekday !== "*";
  return (wall) => {
    const date = new Date(wall);
    const isDay = days.has(date.getUTCDate());
    const isWeekday = weekdays.has(date.getUTCDay());
    return (
      minutes.has(date.getUTCMinutes()) &&
      hours.has(date.getUTCHours()) &&
      months.has(date.getUTCMonth() + 1) &&
      (isEither ? isDay || isWeekday : isDay && isWeekday)
    );
  };
}

function readField(field: string, lowest: number, highestValue: number): ReadonlySet<number> {
  const values = new Set<number>();
  for (const item of field.split(",")) {
    const [range = "", step = "1"] = item.split("/");
    const [first = "", last = first] = range.split("-");
    const start = range === "*" ? lowest : Number(first);
    const end = range === "*" ? highestValue : Number(last);
    for (let value = start; value <= end; value += Number(step)) values.add(value);
  }
  return values;
}
