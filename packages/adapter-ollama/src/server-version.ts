/** The oldest server whose structured answers can be relied on when thinking is switched off. */
export const serverVersionMin = "0.31.2";

/** From here on an answer that a server could not read does not block the model's process for the next. */
export const serverVersionGood = "0.32.15";

/** Whether a server is older. One without a number, as a build of one's own, is taken for a new one. */
export function isOlderThan(version: string | undefined, than: string): boolean {
  const given = parseVersion(version ?? "");
  const wanted = parseVersion(than) ?? [];
  if (given === undefined || given.every((part) => part === 0)) return false;
  for (const [index, part] of wanted.entries()) {
    const difference = (given[index] ?? 0) - part;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** The three numbers; a release candidate counts as its release. */
function parseVersion(version: string): readonly number[] | undefined {
  const match = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})/.exec(version);
  return match?.slice(1).map(Number);
}
