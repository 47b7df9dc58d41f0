import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { listProjectFiles } from "../scripts/project-files.ts";
import { importRules } from "./support/tidy/import-rules.ts";
import { processRules } from "./support/tidy/process-rules.ts";
import { projectRules } from "./support/tidy/project-rules.ts";
import type { Project, Sample } from "./support/tidy/rule.ts";
import { listImports, readSource } from "./support/tidy/source-text.ts";
import { sqlRules } from "./support/tidy/sql-rules.ts";

const root = join(import.meta.dirname, "..");
const project: Project = new Map(
  listProjectFiles(root).map((path) => [path, readFileSync(join(root, path), "utf8")]),
);
const toProject = (sample: Sample): Project => new Map(Object.entries(sample));

test("the whole project is looked at", () => {
  expect([...project.keys()]).toContain("package.json");
  expect([...project.keys()]).toContain("packages/core/src/index.ts");
});

test("the rules read a source as Bun does", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const sources = [...project].filter(([path]) => path.endsWith(".ts"));

  const unseen = sources.flatMap(([path, text]) => {
    const seen = new Set(listImports(readSource(text)).map((literal) => literal.text));
    const imports = transpiler.scanImports(text).map((each) => each.path);
    return imports.filter((specifier) => !seen.has(specifier)).map((each) => `${path} ${each}`);
  });

  expect(unseen).toEqual([]);
});

test("the rules tell code from comments, strings, templates and regular expressions", () => {
  const { code, literals } = readSource(
    'a(/["\'`/]/g, b / c / d); // \'no\'\ne(`f ${g({ h: `i ${j}` })} k`, "l \\" m"); /* "no" */ n',
  );

  expect(code.replace(/\s+/g, " ")).toBe("a( , b / c / d); e( g({ h: j }) , ); n");
  expect(literals.map(({ text }) => text)).toEqual(["i ${}", "f ${} k", 'l \\" m']);
});

describe.each([...processRules, ...sqlRules, ...importRules, ...projectRules])(
  "$name",
  ({ check, planted, clean }) => {
    test("holds", () => {
      expect(check(project)).toEqual([]);
    });

    test.each(planted)("finds what was planted, %#", (sample) => {
      expect(check(toProject(sample))).toHaveLength(1);
    });

    test.each(clean)("trips over nothing else, %#", (sample) => {
      expect(check(toProject(sample))).toEqual([]);
    });
  },
);
