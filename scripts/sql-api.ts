// Reads what the documentation says of the SQL functions from the comments above them.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

interface Area {
  readonly folder: string;
  readonly title: string;
}

/** What may be called, by who calls it; the rest of the schema is private. */
const areas: readonly Area[] = [
  { folder: "core/sql/jobs", title: "Jobs" },
  { folder: "core/sql/looking", title: "Looking at jobs, and what operators did" },
  { folder: "core/sql/explaining", title: "Why a job is not running" },
  { folder: "core/sql/leasing", title: "Working on jobs" },
  { folder: "core/sql/running", title: "While jobs run" },
  { folder: "core/sql/structure", title: "Signals, children and effects" },
  { folder: "core/sql/after", title: "New starts, retries and time limits" },
  { folder: "core/sql/limits", title: "Limits and turns" },
  { folder: "core/sql/resources", title: "Resources" },
  { folder: "core/sql/operating", title: "Operating" },
  { folder: "cron/sql/schedules", title: "Schedules" },
];

/** Granted to no role: the login that owns the schema calls them. */
const owners = new Set([
  "drop_limit",
  "get_results",
  "redact_subject",
  "register_type",
  "reveal_job",
  "set_limit",
  "set_retry_policy",
  "set_tenant_weight",
]);

const grants = ["core/sql/roles/own_schema.sql", "cron/sql/roles/grant_cron.sql"];

interface Definition {
  readonly name: string;
  readonly isView: boolean;
  /** As it is called, without the schema's name. */
  readonly signature: string;
  readonly summary: string;
  /** Arguments, locks and answers. */
  readonly notes: readonly Note[];
}

interface Note {
  readonly label: string;
  readonly text: string;
  readonly parts: readonly string[];
}

/** All that may be called, as Markdown. */
export async function renderSqlApi(): Promise<string> {
  const callers = await readCallers();
  const sections: string[] = [];
  const told = new Set<string>();
  for (const { folder, title } of areas) {
    const known = (await readDefinitions(folder)).filter(
      ({ name, isView }) => isView || callers.has(name),
    );
    const entries = known.map((definition) => {
      const caller = definition.isView ? "for people" : (callers.get(definition.name) ?? "");
      return renderDefinition(definition, caller);
    });
    for (const { name } of known) told.add(name);
    if (entries.length > 0) sections.push(`### ${title}`, ...entries);
  }
  const missing = [...callers.keys()].filter((name) => !told.has(name));
  if (missing.length > 0) throw new Error(`nothing is known of ${missing.join(", ")}`);
  return sections.join("\n\n");
}

/** Who may call a function, by its name. */
async function readCallers(): Promise<ReadonlyMap<string, string>> {
  const callers = new Map<string, string>();
  for (const name of owners) callers.set(name, "for the owner");
  for (const path of grants) {
    const text = await readFile(join(root, "packages", path), "utf8");
    for (const [, names = "", role] of text.matchAll(
      /grant execute on function([^;]*?)to :"(limited|worker)"/g,
    )) {
      const caller = role === "limited" ? "for applications and workers" : "for workers";
      for (const [, name = ""] of names.matchAll(/:"schema"\.(\w+)/g)) callers.set(name, caller);
    }
  }
  return callers;
}

async function readDefinitions(folder: string): Promise<readonly Definition[]> {
  const path = join(root, "packages", folder);
  const names = (await readdir(path)).filter((name) => name.endsWith(".sql")).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(path, name), "utf8")));
  return texts.map(parseDefinition);
}

function parseDefinition(text: string): Definition {
  const comment: string[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("--")) break;
    comment.push(line.slice(3));
  }
  const begun = comment.findIndex((line) => line.startsWith("  "));
  const headEnd = begun < 0 ? comment.length : begun;
  const [, kind, name = ""] = /create or replace (function|view) :"schema"\.(\w+)/.exec(text) ?? [];
  const from = text.indexOf(':"schema".') + ':"schema".'.length;
  const to = text.indexOf("\nlanguage ", from);
  const isView = kind === "view";
  return {
    name,
    isView,
    signature: isView ? name : text.slice(from, to).replaceAll(':"schema".', ""),
    summary: comment.slice(0, headEnd).join(" "),
    notes: parseNotes(comment.slice(headEnd)),
  };
}

const label = /^(?!null)((?:p_)?[a-z_*]+(?:, (?:p_)?[a-z_*]+)*|Locks|Index|Indexes|Answers): /;
const nextLabel =
  /(?<=\.) (?=(?:p_[a-z_*]+|[a-z]+_[a-z_]+)(?:, [a-z_*]+)*: |(?:Locks|Index|Indexes|Answers): )/;

/** One per label. What is indented deeper are its parts. */
function parseNotes(lines: readonly string[]): readonly Note[] {
  const notes: { label: string; text: string; parts: string[] }[] = [];
  for (const line of lines.flatMap((whole) => whole.split(nextLabel))) {
    const text = line.trim();
    const [head = "", name] = label.exec(text) ?? [];
    const depth = line.length - line.trimStart().length;
    const last = notes.at(-1);
    if (depth === 4 && last !== undefined) {
      last.parts.push(text);
    } else if (depth > 4 && last !== undefined) {
      last.parts.push(`${last.parts.pop() ?? ""} ${text}`);
    } else if (name !== undefined || last === undefined) {
      notes.push({ label: name ?? "", text: text.slice(head.length), parts: [] });
    } else {
      last.text += ` ${text}`;
    }
  }
  return notes.filter((note) => !note.label.startsWith("Index"));
}

function renderDefinition(definition: Definition, caller: string): string {
  const { name, signature, summary, notes, isView } = definition;
  const lines = notes.flatMap((note) => {
    const isWord = /^[A-Z]/.test(note.label);
    const names = note.label.split(", ").map((one) => `\`${one}\``);
    const head = note.label === "" ? "" : isWord ? `_${note.label}:_ ` : `${names.join(", ")}: `;
    return [
      `- ${head}${escapeText(note.text)}`,
      ...note.parts.map((part) => `  - ${escapeText(part)}`),
    ];
  });
  return [
    `#### ${name}`,
    `_${isView ? "A view, " : ""}${caller}._ ${escapeText(summary)}`.replace("_for", "_For"),
    ...(isView ? [] : [`\`\`\`text\n${signature}\n\`\`\``]),
    ...(lines.length === 0 ? [] : [lines.join("\n")]),
  ].join("\n\n");
}

/** What Markdown would take for its own, outside of code. */
function escapeText(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((piece) => (piece.startsWith("`") ? piece : piece.replaceAll(/[*<>[\]]/g, "\\$&")))
    .join("");
}
