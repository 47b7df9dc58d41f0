/** What a field holds. Whatever does not fit is left out of the line, and its name is told in `unfit`. */
export type FieldKind = "id" | "code" | "word" | "number" | "flag" | "time" | "text";

/** Every field that a line may have. What is not here cannot be logged. */
export const logFields = {
  action: "word",
  attempt: "number",
  abandonedMax: "number",
  backend: "text",
  code: "code",
  concurrency: "number",
  count: "number",
  database: "text",
  durationMs: "number",
  file: "text",
  fraction: "number",
  graceSeconds: "number",
  inFlight: "number",
  jobId: "id",
  leaseSeconds: "number",
  message: "text",
  migration: "text",
  nextPhase: "word",
  operation: "code",
  operator: "word",
  partsDone: "number",
  partsTotal: "number",
  path: "code",
  phase: "word",
  pollSeconds: "number",
  pooled: "flag",
  probe: "id",
  reason: "code",
  resource: "word",
  retryAt: "time",
  retryInMs: "number",
  schedule: "word",
  solo: "flag",
  stage: "code",
  status: "number",
  storage: "text",
  tokens: "number",
  type: "word",
  unfit: "text",
  url: "text",
  waitMs: "number",
  worker: "word",
} as const;

export type LogFieldName = keyof typeof logFields;

interface Values {
  readonly id: string;
  readonly code: string;
  readonly word: string;
  readonly number: number;
  readonly flag: boolean;
  readonly time: string;
  readonly text: string;
}

/** Fields of a line, each of its kind. */
export type LogFields = {
  readonly [Name in LogFieldName]?: Values[(typeof logFields)[Name]] | undefined;
};

/** Code points of a text that are kept. */
const textCodePointsMax = 1_024;
const wordCharactersMax = 256;

/** Of each kind: the value as it is logged; undefined when it is none. */
const readers: Readonly<
  Record<FieldKind, (value: unknown) => string | number | boolean | undefined>
> = {
  id: matching(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i),
  code: matching(/^[a-z0-9_]{1,64}$/),
  // Names of types, phases, models and machines have no space in them, and what people write has.
  word: (value) =>
    typeof value === "string" && value.length <= wordCharactersMax && /^[^\s\p{C}]+$/u.test(value)
      ? value
      : undefined,
  number: (value) => (typeof value === "number" && Number.isFinite(value) ? value : undefined),
  flag: (value) => (typeof value === "boolean" ? value : undefined),
  time: matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  text: (value) => (typeof value === "string" ? toText(value) : undefined),
};

function matching(pattern: RegExp): (value: unknown) => string | undefined {
  return (value) => (typeof value === "string" && pattern.test(value) ? value : undefined);
}

/** One line that moves no cursor: control characters are spaces. */
function toText(value: string): string {
  // A code point has at most two units: what comes after cannot be shown, however long it is.
  const near = value.slice(0, 2 * textCodePointsMax).replaceAll(/[\p{Cc}\p{Cs}]/gu, " ");
  return Array.from(near).slice(0, textCodePointsMax).join("");
}

/** What a line shows of what it was given: the fields that it may have, in their order, and each of its kind. */
export function fitFields(
  names: readonly LogFieldName[],
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string | number | boolean>> {
  const fitting: Record<string, string | number | boolean> = {};
  const unfit: string[] = [];
  for (const name of names) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) continue;
    const read = readers[logFields[name]](value);
    if (read === undefined) unfit.push(name);
    else fitting[name] = read;
  }
  return unfit.length === 0 ? fitting : { ...fitting, unfit: unfit.join(" ") };
}
