// Writes what the documentation takes from the code: `bun scripts/make-docs.ts`.
import { logFields } from "../apps/worker/src/log-fields.ts";
import { logEvents } from "../apps/worker/src/log-vocabulary.ts";
import { settings } from "../apps/worker/src/settings.ts";
import { renderSqlApi } from "./sql-api.ts";

/** A document with a part that is made from the code. */
interface GeneratedDocument {
  readonly path: string;
  /** What the part is about, as its marks say. */
  readonly part: string;
  render(): string | Promise<string>;
}

/** The documents that have such a part. */
export const generatedDocuments: readonly GeneratedDocument[] = [
  { path: "docs/operations.md", part: "settings", render: renderSettings },
  { path: "docs/logs.md", part: "events", render: renderLogEvents },
  { path: "docs/logs.md", part: "fields", render: renderLogFields },
  { path: "docs/sql-api.md", part: "functions", render: renderSqlApi },
];

/** The table of environment variables, in the order of the code. */
function renderSettings(): string {
  const rows = Object.values(settings).map(
    ({ name, fallback, meaning }) => `| \`${name}\` | ${fallback} | ${meaning} |`,
  );
  return ["| variable | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The table of log lines, in the order of the code. */
function renderLogEvents(): string {
  const rows = Object.entries(logEvents).map(
    ([name, { level, fields, meaning }]) =>
      `| \`${name}\` | ${level} | ${fields.map((field) => `\`${field}\``).join(" ")} | ${meaning} |`,
  );
  return ["| `msg` | level | fields | says |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** The table of their fields. */
function renderLogFields(): string {
  const kinds = Map.groupBy(Object.entries(logFields), ([, kind]) => kind);
  const rows = [...kinds].map(
    ([kind, fields]) => `| ${kind} | ${fields.map(([name]) => `\`${name}\``).join(" ")} |`,
  );
  return ["| kind | fields |", "| --- | --- |", ...rows].join("\n");
}

/** The text with its generated part made anew. */
export async function renderDocument(document: GeneratedDocument, text: string): Promise<string> {
  const { path, part } = document;
  const begin = `<!-- ${part}: written by scripts/make-docs.ts -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(`<!-- /${part} -->`);
  if (from < 0 || to < from) throw new Error(`${path} lacks its marks for the ${part}`);
  return `${text.slice(0, from)}${begin}\n\n${await document.render()}\n\n${text.slice(to)}`;
}

if (import.meta.main) {
  for (const document of generatedDocuments) {
    const text = await Bun.file(document.path).text();
    await Bun.write(document.path, await renderDocument(document, text));
  }
}
