/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A quantile from 0 to 1, interpolated between neighbours as `percentile_cont` of Postgres does. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const place = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined)
    throw new Error("no values to take a quantile of");
  return below + (above - below) * (place - Math.floor(place));
}

/** Rounds to so many significant digits: more of them would claim a precision that nobody measured. */
export function roundTo(digits: number, value: number): number {
  return Number(value.toPrecision(digits));
}
