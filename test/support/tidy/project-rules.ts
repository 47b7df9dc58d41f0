import { posix } from "node:path";

import { type Manifest, parseManifest } from "../../../scripts/packages.ts";
import { at, eachFile, eachSource, findAll, type Project, type Rule } from "./rule.ts";
import { readSource } from "./source-text.ts";

/** Joined here and below, because this file must not break the rules that it holds. */
const todo = ["TO", "DO"].join("");
const fixMe = ["FIX", "ME"].join("");
/** The notes and machines that the project was made with. */
const foreign = {
  notes: ["..", "shared"].join("/"),
  folders: ["work", "farm"].map((name) => `/${name}/`),
  names: [
    ["ai", "trials"],
    ["seed", "systems"],
  ].map((parts) => parts.join("-")),
} as const;

const manifest = (fields: Partial<Manifest>): string =>
  JSON.stringify({ name: "@leasehold/sample", version: "1.0.0", ...fields });

/** What holds for every file of the project. */
export const projectRules: readonly Rule[] = [
  {
    name: "a thing lives where its idea lives, not in a drawer",
    check: eachFile({
      files: /(?:^|\/)(?:utils?|helpers?|common|types|misc)(?:(?:\.d)?\.tsx?$|\/)/,
      find: () => [{ text: "", index: 0 }],
    }),
    planted: [
      { "packages/core/src/utils.ts": "" },
      { "packages/core/src/helpers.ts": "" },
      { "packages/core/src/common.ts": "" },
      { "packages/core/test/types.ts": "" },
      { "apps/worker/src/utils/url.ts": "" },
    ],
    clean: [{ "packages/core/src/event-types.ts": "", "docs/types.md": "" }],
  },
  {
    name: "no test is singled out",
    check: eachSource({
      files: /\.tsx?$/,
      find: ({ code }) => findAll(/\b(?:test|it|describe)\s*\.\s*only\b/g, code),
    }),
    planted: at(
      "packages/core/test/a.test.ts",
      'test.only("a", () => {});',
      'describe\n  .only("a", () => {});',
    ),
    clean: at("packages/core/test/a.test.ts", '// test.only\ntest("test.only", () => {});'),
  },
  {
    name: "a test that is skipped says why, in its name or on the terminal",
    check: eachFile({
      files: /\.tsx?$/,
      find: (text) =>
        findAll(
          /\b(?:test|it|describe)\s*\.\s*(?:skip|todo)(?:If)?\b/g,
          readSource(text).code,
        ).filter(({ index }) => !/skipped: \S/.test(linesAround(text, index, 6))),
    }),
    planted: at(
      "packages/core/test/a.test.ts",
      'test.skip("a", () => {});',
      'describe.skipIf(!gpu)("a", () => {});',
      'test.todo("a");',
      `console.warn("skipped: no GPU");${"\n".repeat(9)}test.skip("a", () => {});`,
    ),
    clean: at(
      "packages/core/test/a.test.ts",
      'if (!gpu) process.stderr.write("skipped: no GPU\\n");\ntest.skipIf(!gpu)("a", () => {});',
      'const maybe = gpu ? test : test.skip;\nconst note = gpu ? "" : " (skipped: no GPU)";',
      'list.skip(3); const text = "test.skip";',
    ),
  },
  {
    name: "what is yet to be done has an issue",
    check: eachFile({
      files: /\.(?:tsx?|sql|sh|toml|ya?ml|json)$|^\.ci\//,
      find: (text) =>
        findAll(new RegExp(`\\b(?:${todo}|${fixMe})\\b(?!.*https://\\S+/issues/\\d).*`, "g"), text),
    }),
    planted: [
      ...at("packages/core/src/a.ts", `// ${todo}: later`, `/* ${todo}(me) #12 */`),
      ...at("packages/core/sql/jobs/a.sql", `-- ${fixMe} soon`),
    ],
    clean: at(
      "packages/core/src/a.ts",
      `// ${todo}: https://example.org/leasehold/issues/12`,
      `const ${todo}S = 1;`,
    ),
  },
  {
    name: "nothing mentions the place where it was written",
    check: eachFile({
      files: /./,
      find: (text) => [
        ...findAll(new RegExp(`${RegExp.escape(foreign.notes)}(?![-\\w])`, "g"), text),
        ...[...foreign.folders, ...foreign.names].flatMap((word) =>
          findAll(new RegExp(RegExp.escape(word), "g"), text),
        ),
      ],
    }),
    planted: at(
      "docs/a.md",
      `see ${foreign.notes}/notes.md`,
      ...foreign.folders.map((folder) => `in ${folder}main`),
      ...foreign.names.map((name) => `from ${name}`),
    ),
    clean: at(
      "packages/core/src/a.ts",
      `import { probe } from "${foreign.notes}-probe.ts";`,
      "// a networker, a shared farm, homework/",
    ),
  },
  {
    name: "installing runs no script of ours",
    check: eachFile({
      files: /(?:^|\/)package\.json$/,
      find: (text) =>
        Object.keys(parseManifest(text).scripts ?? {})
          .filter((name) => /^(?:pre|post)?(?:install|prepare|publish|pack)(?:Only)?$/.test(name))
          .filter((name) => name !== "pack")
          .map((name) => ({ text: name, index: text.indexOf(`"${name}"`) })),
    }),
    planted: at(
      "packages/core/package.json",
      manifest({ scripts: { postinstall: "true" } }),
      manifest({ scripts: { prepare: "true" } }),
      manifest({ scripts: { prepublishOnly: "true" } }),
      manifest({ scripts: { prepack: "true" } }),
    ),
    clean: at("package.json", manifest({ scripts: { build: "true", pack: "true" } })),
  },
  {
    name: "every package has a README, a LICENSE and the version of all",
    check: checkPackages,
    planted: [
      { "packages/a/package.json": manifest({}), "packages/a/LICENSE": "" },
      { "packages/a/package.json": manifest({}), "packages/a/README.md": "" },
      {
        "packages/a/package.json": manifest({}),
        "packages/a/README.md": "",
        "packages/a/LICENSE": "",
        "packages/b/package.json": manifest({ version: "1.0.1" }),
        "packages/b/README.md": "",
        "packages/b/LICENSE": "",
      },
    ],
    clean: [
      {
        "packages/a/package.json": manifest({}),
        "packages/a/README.md": "",
        "packages/a/LICENSE": "",
        "packages/b/package.json": manifest({}),
        "packages/b/README.md": "",
        "packages/b/LICENSE": "",
        "apps/worker/package.json": manifest({ private: true, version: "2.0.0" }),
      },
    ],
  },
  {
    name: "every relative link in a document leads somewhere",
    check: eachFile({
      files: /\.md$/,
      find: (text, path, project) =>
        findAll(/\]\(\s*<?([^)\s>]+)|^\s*\[[^\]]+\]:\s*(\S+)/gm, blankCode(text)).filter(
          (found) =>
            !leadsSomewhere(found.text.replace(/^.*?\](?:\(\s*<?|:\s*)/s, ""), path, project),
        ),
    }),
    planted: at(
      "docs/a.md",
      "[b](b.md)",
      "![picture](../missing.png)",
      "[itself](#nowhere)",
      "[b]: ./b.md",
      "# Here\n\n[itself](a.md#there)",
      "[outside](../../README.md)",
    ),
    clean: [
      {
        "docs/a.md":
          "# One `step`, and more\n[b](b.md#two-words) [self](#one-step-and-more) [folder](../packages/core/)\n" +
          "[web](https://example.org) [mail](mailto:a@example.org) `[c](c.md)`\n```\n[d](d.md)\n```\n[b]: ./b.md",
        "docs/b.md": "Intro\n## Two words\n",
        "packages/core/README.md": "",
      },
    ],
  },
];

function checkPackages(project: Project): readonly string[] {
  const packages = [...project].flatMap(([path, text]) => {
    const directory = /^packages\/[^/]+(?=\/package\.json$)/.exec(path)?.[0];
    return directory === undefined ? [] : [{ directory, ...parseManifest(text) }];
  });
  const [version] = packages.map((each) => each.version);
  return packages.flatMap((each) => [
    ...["README.md", "LICENSE"]
      .map((name) => `${each.directory}/${name}`)
      .filter((path) => !project.has(path))
      .map((path) => `${path} is missing`),
    ...(each.version === version ? [] : [`${each.directory} has version ${each.version}`]),
  ]);
}

function leadsSomewhere(link: string, from: string, project: Project): boolean {
  if (/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(link)) return true;
  const [target = "", anchor] = decodeURIComponent(link).split("#");
  const path = target === "" ? from : posix.join(posix.dirname(from), target).replace(/\/$/, "");
  const text = project.get(path);
  if (text === undefined) return [...project.keys()].some((file) => file.startsWith(`${path}/`));
  return anchor === undefined || !path.endsWith(".md") || listAnchors(text).includes(anchor);
}

/** The anchors that GitHub gives to headings. */
function listAnchors(text: string): readonly string[] {
  return [...text.matchAll(/^#{1,6}\s+(.*?)\s*#*$/gm)].map(([, heading = ""]) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}

function blankCode(text: string): string {
  return text.replace(/^(```|~~~)[\s\S]*?^\1|`[^`\n]+`/gm, (code) => code.replace(/[^\n]/g, " "));
}

function linesAround(text: string, index: number, count: number): string {
  const line = text.slice(0, index).split("\n").length;
  return text
    .split("\n")
    .slice(Math.max(0, line - count), line + count)
    .join("\n");
}
