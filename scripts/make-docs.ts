// Writes what the documentation takes from the code: `bun scripts/make-docs.ts`.
import { settings } from "../apps/worker/src/settings.ts";

const path = "docs/operations.md";
const begin = "<!-- settings: written by scripts/make-docs.ts -->";
const end = "<!-- /settings -->";

/** The table of environment variables, in the order of the code. */
export function renderSettings(): string {
  const rows = Object.values(settings).map(
    ({ name, fallback, meaning }) => `| \`${name}\` | ${fallback} | ${meaning} |`,
  );
  return ["| variable | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The text with its generated part made anew. */
export function renderOperations(text: string): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${path} lacks its marks for the settings`);
  return `${text.slice(0, from)}${begin}\n\n${renderSettings()}\n\n${text.slice(to)}`;
}

if (import.meta.main) {
  await Bun.write(path, renderOperations(await Bun.file(path).text()));
}
