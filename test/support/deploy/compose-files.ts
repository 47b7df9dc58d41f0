import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parseDocument } from "yaml";

/** What a compose file says, or a part of it. */
export type ComposeValue =
  string | number | boolean | null | readonly ComposeValue[] | ComposeMapping;

/** A mapping of a compose file. */
export interface ComposeMapping {
  readonly [name: string]: ComposeValue;
}

/** What the shell and `.env` say. */
export type ComposeVariables = Readonly<Record<string, string>>;

/** Stands for `!reset`: whatever was said before, it is as if nobody had. */
const reset = Symbol("reset");

type RawValue = ComposeValue | typeof reset | readonly RawValue[] | RawMapping;

interface RawMapping {
  readonly [name: string]: RawValue;
}

/**
 * Reads compose files as `docker compose -f … -f …` does, as far as ours make use of it: variables are filled in file
 * by file, then the files are merged from left to right, then variables without a value are passed on or left out.
 */
export function readComposeFiles(
  paths: readonly string[],
  variables: ComposeVariables,
): ComposeMapping {
  const files = paths.map((path) => parseCompose(readFileSync(path, "utf8"), variables));
  const merged = files.reduce((left, right) => mergeMappings(left, right, []), {});
  return passOn(settle(merged), variables);
}

/** Reads one file of the deployment folder with every variable filled in. */
export function readDeployed(
  names: readonly string[],
  variables: ComposeVariables = {},
): ComposeMapping {
  const folder = join(import.meta.dirname, "../../../deploy");
  return readComposeFiles(
    names.map((name) => join(folder, name)),
    { VIDEO_GID: "44", RENDER_GID: "105", ...variables },
  );
}

/** What stands under a path, undefined where there is nothing. */
export function findAt(value: ComposeValue, path: readonly string[]): ComposeValue | undefined {
  return path.reduce<ComposeValue | undefined>(
    (found, name) => (isMapping(found) && Object.hasOwn(found, name) ? found[name] : undefined),
    value,
  );
}

function parseCompose(text: string, variables: ComposeVariables): RawMapping {
  const document = parseDocument(text, {
    merge: true,
    uniqueKeys: true,
    // What a `!reset` is followed by does not count.
    customTags: [
      { tag: "!reset", collection: "seq", resolve: () => reset },
      { tag: "!reset", collection: "map", resolve: () => reset },
      { tag: "!reset", resolve: () => reset },
    ],
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw problem;
  const filled = fillIn(toRaw(document.toJS()), variables);
  if (!isRawMapping(filled)) throw new Error("A compose file is a mapping.");
  return filled;
}

/** The library gives plain data and our one symbol; anything else would be a fault of this file. */
function toRaw(value: unknown): RawValue {
  if (value === reset) return reset;
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) {
    return value as RawValue;
  }
  if (Array.isArray(value)) return value.map(toRaw);
  if (typeof value !== "object") throw new Error(`A compose file holds no ${typeof value}.`);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toRaw(each)]));
}

function fillIn(value: RawValue, variables: ComposeVariables): RawValue {
  if (typeof value === "string") return interpolate(value, variables);
  if (Array.isArray(value)) return value.map((each: RawValue) => fillIn(each, variables));
  if (!isRawMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, fillIn(each, variables)]),
  );
}

/** `$$`, `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; others are not used and refused. */
function interpolate(text: string, variables: ComposeVariables): string {
  return text.replace(/\$(?:\$|\{([^}]*)\}|)/g, (whole, inner: string | undefined) => {
    if (whole === "$$") return "$";
    const [, name = "", operator, rest = ""] =
      /^([A-Z_][A-Z0-9_]*)(?:(:-|:\?)(.*))?$/.exec(inner ?? "") ?? [];
    if (name === "") throw new Error(`${whole} in ${JSON.stringify(text)} is not understood.`);
    const value = variables[name] ?? "";
    if (value !== "" || operator === undefined) return value;
    if (operator === ":-") return rest;
    throw new Error(`${name} is required: ${rest}`);
  });
}

/** Lists that a later file replaces; all others it adds to. */
const replacedLists: ReadonlySet<string> = new Set(["command", "entrypoint", "test"]);

function mergeMappings(left: RawMapping, right: RawMapping, path: readonly string[]): RawMapping {
  const merged: Record<string, RawValue> = { ...left };
  for (const [name, value] of Object.entries(right)) {
    merged[name] = mergeValues(merged[name], value, [...path, name]);
  }
  return merged;
}

function mergeValues(
  left: RawValue | undefined,
  right: RawValue,
  path: readonly string[],
): RawValue {
  if (left === undefined || left === reset || right === reset) return right;
  if (isRawMapping(left) && isRawMapping(right)) return mergeMappings(left, right, path);
  if (Array.isArray(left) && Array.isArray(right)) {
    if (replacedLists.has(path.at(-1) ?? "")) return right;
    const known = new Set(left.map((each: RawValue) => JSON.stringify(each)));
    return [...left, ...right.filter((each: RawValue) => !known.has(JSON.stringify(each)))];
  }
  return right;
}

function settle(value: RawMapping): ComposeMapping {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]): readonly [string, ComposeValue][] => {
      if (each === reset) return [];
      if (isRawMapping(each)) return [[name, settle(each)]];
      return [[name, each as ComposeValue]];
    }),
  );
}

/** A variable of a container that has no value is the shell's, or is not there at all. */
function passOn(file: ComposeMapping, variables: ComposeVariables): ComposeMapping {
  const services = findAt(file, ["services"]);
  if (!isMapping(services)) throw new Error("A compose file has services.");
  const settled = Object.entries(services).map(([name, service]): [string, ComposeValue] => {
    if (!isMapping(service) || !isMapping(service["environment"])) return [name, service];
    const environment = Object.entries(service["environment"]).flatMap(
      ([variable, value]): readonly [string, ComposeValue][] => {
        const passed = value ?? variables[variable];
        return passed === undefined ? [] : [[variable, passed]];
      },
    );
    return [name, { ...service, environment: Object.fromEntries(environment) }];
  });
  return { ...file, services: Object.fromEntries(settled) };
}

function isRawMapping(value: RawValue | undefined): value is RawMapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMapping(value: ComposeValue | undefined): value is ComposeMapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
