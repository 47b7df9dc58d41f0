import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import {
  groupPromises,
  type NamedTest,
  promiseStates,
  readPromises,
  type RunbookPromise,
} from "../scripts/promises.ts";

const root = join(import.meta.dirname, "..");
const promises = readPromises();

/** The runbooks of the learning worker, which is what this project is first. */
const learningRunbooks = ["000", "001"];

function readProject(path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
}

/** Answers whether a file has this very test, and the row that is meant. */
function isThere({ file, name, case: row = "" }: NamedTest): boolean {
  const text = readProject(file);
  const named = [JSON.stringify(name), `\`${name}\``].some((literal) =>
    // The first argument of a test, not the name of a group.
    text.replaceAll(/\bdescribe(?:\.each\([^)]*\))?\(\s*["`]/g, "").includes(`${literal},`),
  );
  return /\.(?:test|full)\.ts$/.test(file) && named && text.includes(row);
}

/** The marks that the headings of a document get where it is shown. */
function anchorsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** What a promise must have to stand where it says. */
function findProblem(promise: RunbookPromise): string | undefined {
  const { state, tests = [], why, missing } = promise;
  if (state === "open") return missing === undefined ? "does not say what is missing" : undefined;
  if (tests.length === 0) return "has no test";
  if ((why !== undefined) !== (state === "deviates")) return "has a reason for nothing, or none";
  const [document = "", anchor = ""] = why?.split("#") ?? [];
  if (why !== undefined && !anchorsOf(readProject(document)).includes(anchor)) {
    return "has a reason that is not written down";
  }
  return missing === undefined ? undefined : "is there, and something is missing";
}

test("every promise of the runbooks is there once, and stands somewhere", () => {
  const problems = promises.map((promise) => [promise.id, findProblem(promise)]);

  expect(promises.map(({ id }) => id)).toEqual(
    Array.from({ length: 110 }, (_, index) => `P${index + 1}`),
  );
  expect(promises.filter(({ state }) => !promiseStates.includes(state))).toEqual([]);
  expect(promises.filter(({ runbooks }) => runbooks.length === 0)).toEqual([]);
  expect(problems.filter(([, problem]) => problem !== undefined)).toEqual([]);
});

test("every test that is named exists, and is named once", () => {
  const missing = promises.flatMap(({ id, tests = [] }) =>
    tests.filter((named) => !isThere(named)).map((named) => ({ id, ...named })),
  );

  const repeated = promises.filter(
    ({ tests = [] }) => new Set(tests.map((each) => JSON.stringify(each))).size < tests.length,
  );

  expect([missing, repeated]).toEqual([[], []]);
  // It can tell.
  const [first] = promises;
  const [named = { file: "", name: "" }] = first?.tests ?? [];
  expect(isThere(named)).toBe(true);
  expect(isThere({ ...named, name: `${named.name}.` })).toBe(false);
  expect(isThere({ ...named, case: "a row that nobody wrote" })).toBe(false);
  expect(isThere({ ...named, file: "test/nowhere.test.ts" })).toBe(false);
});

test("nothing that the learning worker's runbooks promise is open", () => {
  const open = promises.filter(
    ({ state, runbooks }) =>
      state === "open" && runbooks.some((runbook) => learningRunbooks.includes(runbook)),
  );

  expect(open).toEqual([]);
});

test("the command tells them by where they stand", async () => {
  const child = Bun.spawn([process.execPath, "run", "promises", "--json"], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });

  const told: unknown = JSON.parse(await new Response(child.stdout).text());

  expect(await child.exited).toBe(0);
  expect(told).toEqual(groupPromises(promises));
  expect(Object.keys(Object(told))).toEqual(["proved", "deviates", "parsed_only", "open"]);
});
