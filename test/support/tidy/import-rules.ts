import { isBuiltin } from "node:module";
import { posix } from "node:path";

import { type Manifest, parseManifest } from "../../../scripts/packages.ts";
import {
  at,
  beside,
  eachFile,
  eachSource,
  findAll,
  type Finding,
  findLiterals,
  type Project,
  type Rule,
} from "./rule.ts";
import { listImports } from "./source-text.ts";

type Layer = "core" | "model" | "learning" | "plugin" | "app";

/** What each layer may build on. Plugins know nothing of each other. */
const mayUse: Readonly<Record<Layer, readonly Layer[]>> = {
  core: [],
  model: [],
  learning: ["core", "model"],
  plugin: ["core", "model", "learning"],
  app: ["core", "model", "learning", "plugin"],
};

/** What each folder of core may build on, besides the words that lie above all of them. */
const coreMayUse: Readonly<Record<string, readonly string[]>> = {
  database: [],
  schema: ["database"],
  store: ["database"],
  client: ["database", "schema", "store"],
  doctor: ["database", "schema", "store"],
  worker: ["database", "schema", "store"],
  testing: ["database", "schema"],
};
const folderOfCore = (path: string): string | undefined =>
  /^packages\/core\/src\/(\w+)\//.exec(path)?.[1];

const shippedSources = /^(?:packages|apps)\/[^/]+\/src\/.*\.tsx?$/;
const manifest = (fields: Omit<Manifest, "name" | "version">): string =>
  JSON.stringify({ name: "@leasehold/sample", version: "1.0.0", ...fields });
const targets = {
  "@leasehold/source": "",
  bun: { types: "", default: "" },
  types: "",
  default: "",
};
const coreManifest = manifest({ exports: { ".": targets, "./testing": targets } });

/** Who may know whom, and by which door. */
export const importRules: readonly Rule[] = [
  {
    name: "arrows point one way: apps, plugins, learning, model; and core below all",
    check: (project) => [...checkDependencies(project), ...checkLayersOfImports(project)],
    planted: beside(
      { "apps/worker/package.json": manifest({}), "apps/other/package.json": manifest({}) },
      [
        ...at("packages/core/src/a.ts", 'import { a } from "@leasehold/model";'),
        ...at("packages/model/src/a.ts", 'import type { Adapter } from "@leasehold/core";'),
        ...at("packages/learning/src/a.ts", 'export { a } from "@leasehold/adapter-stub";'),
        ...at(
          "packages/adapter-stub/src/a.ts",
          'await import("@leasehold/adapter-ollama");',
          'import { main } from "@leasehold/worker";',
        ),
        ...at(
          "packages/core/package.json",
          manifest({ dependencies: { "@leasehold/model": "workspace:*" } }),
          manifest({ peerDependencies: { "@leasehold/learning": "workspace:*" } }),
        ),
        ...at(
          "packages/telemetry/package.json",
          manifest({ optionalDependencies: { "@leasehold/health-hono": "workspace:*" } }),
        ),
        ...at("apps/worker/package.json", manifest({ dependencies: { "@leasehold/other": "1" } })),
      ],
    ),
    clean: [
      ...at("packages/learning/src/a.ts", 'import { a } from "@leasehold/model";'),
      ...at("packages/adapter-stub/src/a.ts", 'import { a } from "@leasehold/learning";'),
      ...at("packages/core/src/a.ts", '// import { a } from "@leasehold/model";'),
      ...at("packages/core/test/a.test.ts", 'import { a } from "@leasehold/embedded-postgres";'),
      ...at(
        "packages/core/package.json",
        manifest({ devDependencies: { "@leasehold/embedded-postgres": "workspace:*" } }),
      ),
      ...at(
        "apps/worker/package.json",
        manifest({ dependencies: { "@leasehold/adapter-stub": "workspace:*" } }),
      ),
    ],
  },
  {
    name: "the folders of core build on each other one way",
    check: eachSource({
      files: /^packages\/core\/src\/\w+\//,
      find: (source, path) =>
        findLiterals(listImports(source), (specifier) => {
          const [from, to] = [path, posix.join(posix.dirname(path), specifier)].map(folderOfCore);
          return to !== undefined && to !== from && !coreMayUse[from ?? ""]?.includes(to);
        }),
    }),
    planted: [
      ...at("packages/core/src/store/a.ts", 'import { a } from "../worker/worker.ts";'),
      ...at("packages/core/src/database/a.ts", 'import type { A } from "../store/job-store.ts";'),
      ...at("packages/core/src/client/a.ts", 'export { a } from "../worker/config.ts";'),
      ...at("packages/core/src/new/a.ts", 'import { a } from "../database/database.ts";'),
    ],
    clean: [
      ...at("packages/core/src/worker/a.ts", 'import { a } from "../store/job-store.ts";'),
      ...at("packages/core/src/store/a.ts", 'import { a } from "../errors.ts";'),
      ...at("packages/core/src/store/a.ts", 'import { a } from "./job-store.ts";'),
    ],
  },
  {
    name: "a package is entered through its public entry points",
    check: eachSource({
      // Our scripts may use what our tests use.
      files: /^(?:packages|apps|examples|test)\/.*\.tsx?$/,
      // The simulation runs the parts of a worker, which core keeps to itself: one file is its door to them.
      except: /^test\/simulation\/production\.ts$/,
      find: (source, path, project) =>
        findLiterals(listImports(source), (specifier) =>
          specifier.startsWith(".")
            ? ownerOf(posix.join(posix.dirname(path), specifier)) !== ownerOf(path)
            : !isPublic(specifier, path, project),
        ),
    }),
    planted: beside({ "packages/core/package.json": coreManifest }, [
      ...at("packages/adapter-stub/src/a.ts", 'import { a } from "../../core/src/errors.ts";'),
      ...at(
        "packages/adapter-stub/test/a.test.ts",
        'import { a } from "../../core/src/errors.ts";',
      ),
      ...at("packages/adapter-stub/src/b.ts", 'import { a } from "@leasehold/core/src/errors.ts";'),
      ...at("packages/adapter-stub/src/c.ts", 'import { a } from "@leasehold/core/testing";'),
      ...at("apps/worker/src/main.ts", 'import type { A } from "../../../packages/core/src/a.ts";'),
      ...at("examples/host.ts", 'import { a } from "../packages/core/src/index.ts";'),
      ...at("test/a.test.ts", 'import { a } from "../packages/core/src/worker/claim-loop.ts";'),
    ]),
    clean: [
      {
        "packages/core/package.json": coreManifest,
        "packages/adapter-stub/src/a.ts": 'import { a } from "@leasehold/core";',
        "packages/adapter-stub/test/a.test.ts": 'import { a } from "@leasehold/core/testing";',
        "packages/core/src/testing/a.ts": 'import { a } from "../errors.ts";',
        "packages/core/test/a.test.ts": 'import { a } from "../src/errors.ts";',
        "test/a.test.ts": 'import { a } from "../scripts/packages.ts";',
        "scripts/a.ts": 'import { a } from "../packages/core/test/sample.ts";',
      },
    ],
  },
  {
    name: "what a package imports, it declares",
    check: eachSource({
      files: /^packages\/[^/]+\/src\/.*\.tsx?$/,
      find: (source, path, project) =>
        findLiterals(listImports(source), (specifier) => {
          if (specifier.startsWith(".") || isBuiltin(specifier)) return false;
          const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
          const declared = readManifest(project, `${ownerOf(path)}/package.json`);
          return declared.name !== name && !(name in listRuntimeDependencies(declared));
        }),
    }),
    planted: [
      {
        "packages/core/package.json": manifest({ devDependencies: { zod: "1" } }),
        "packages/core/src/a.ts": 'import { z } from "zod";',
      },
      {
        "packages/core/package.json": manifest({ dependencies: { "@opentelemetry/core": "1" } }),
        "packages/core/src/a.ts": 'import type { Span } from "@opentelemetry/api";',
      },
    ],
    clean: [
      {
        "packages/core/package.json": manifest({
          dependencies: { zod: "1" },
          peerDependencies: { postgres: "1" },
          optionalDependencies: { "@a/b": "1" },
        }),
        "packages/core/src/a.ts": `import { z } from "zod/mini"; import p from "postgres";
          import b from "@a/b/c"; import { join } from "node:path"; import d from "@leasehold/sample/d";`,
      },
    ],
  },
  {
    name: "index.ts re-exports and does nothing else",
    check: eachSource({
      files: /^packages\/[^/]+\/src\/(?:.*\/)?index\.ts$/,
      find: ({ code }) => {
        const rest = code.replace(
          /\bexport\s+(?:type\s+)?(?:\*(?:\s*as\s+\w+)?|\{[^{}]*\})\s*from\s*;?/g,
          (found) => found.replace(/[^\n]/g, " "),
        );
        return findAll(/\S.*/g, rest).slice(0, 1);
      },
    }),
    planted: at(
      "packages/core/src/index.ts",
      "export const version = 1;",
      'import { a } from "./a.ts";\nexport { a };',
      'export * from "./a.ts";\nstart();',
      'import "./a.ts";',
    ),
    clean: at(
      "packages/core/src/index.ts",
      '// The whole API.\nexport * from "./a.ts";\nexport { b, type C } from "./b.ts";',
      'export type {\n  A,\n  B,\n} from "./a.ts";\nexport * as c from "./c.ts";',
    ),
  },
  {
    name: "nothing inside a package imports its index.ts",
    check: eachSource({
      files: shippedSources,
      find: (source) =>
        findLiterals(listImports(source), (path) =>
          /^\.(?:.*\/)?(?:index(?:\.ts)?|\.*)$/.test(path),
        ),
    }),
    planted: at(
      "packages/core/src/testing/a.ts",
      'import { a } from "../index.ts";',
      'export * from "./index.ts";',
      'import type { A } from "..";',
    ),
    clean: at(
      "packages/core/src/a.ts",
      'import { a } from "./index-scan.ts";',
      'import { a } from "./b/reindex.ts";',
    ),
  },
  {
    name: "nothing is exported as default",
    check: eachSource({
      files: /\.tsx?$/,
      // Declarations describe foreign modules as they are.
      except: /\.d\.ts$/,
      find: ({ code }) => findAll(/\bexport\s+default\b|\bas\s+default\b/g, code),
    }),
    planted: at(
      "packages/core/src/a.ts",
      "export default 1;",
      "export default function start() {}",
      'export { a as default } from "./a.ts";',
    ),
    clean: [
      ...at("packages/core/src/a.ts", "// export default\nconst text = 'export default 1';"),
      ...at("packages/core/src/sql.d.ts", "export default text;"),
    ],
  },
];

function checkDependencies(project: Project): readonly string[] {
  const check = eachFile({
    files: /^(?:packages|apps)\/[^/]+\/package\.json$/,
    find: (text, path) =>
      Object.keys(listRuntimeDependencies(parseManifest(text)))
        .filter((name) => !isAllowed(project, path, name))
        .map((name) => ({ text: name, index: text.indexOf(`"${name}"`) })),
  });
  return check(project);
}

function checkLayersOfImports(project: Project): readonly string[] {
  const check = eachSource({
    files: shippedSources,
    find: (source, path): readonly Finding[] =>
      findLiterals(listImports(source), (specifier) => !isAllowed(project, path, specifier)),
  });
  return check(project);
}

function isAllowed(project: Project, path: string, specifier: string): boolean {
  const used = /^@leasehold\/([^/]+)/.exec(specifier)?.[1];
  const owner = ownerOf(path);
  if (used === undefined || owner.endsWith(`/${used}`)) return true;
  const isApp = project.has(`apps/${used}/package.json`);
  return mayUse[layerOf(owner)].includes(layerOf(isApp ? `apps/${used}` : `packages/${used}`));
}

function layerOf(owner: string): Layer {
  if (!owner.startsWith("packages/")) return "app";
  const name = owner.slice("packages/".length);
  return name === "core" || name === "model" || name === "learning" ? name : "plugin";
}

/** The folder of the package that a file belongs to; the root's is empty. */
function ownerOf(path: string): string {
  return /^(?:(?:packages|apps)\/[^/]+|examples)(?=\/)/.exec(path)?.[0] ?? "";
}

function isPublic(specifier: string, path: string, project: Project): boolean {
  const [, used, entry = ""] = /^@leasehold\/([^/]+)(?:\/(.*))?$/.exec(specifier) ?? [];
  const text = project.get(`packages/${used}/package.json`);
  if (used === undefined || text === undefined) return true;
  if (entry === "testing" && shippedSources.test(path)) return false;
  return (entry === "" ? "." : `./${entry}`) in (parseManifest(text).exports ?? {});
}

function readManifest(project: Project, path: string): Manifest {
  return parseManifest(project.get(path) ?? "{}");
}

function listRuntimeDependencies(from: Manifest): Readonly<Record<string, string>> {
  return { ...from.dependencies, ...from.peerDependencies, ...from.optionalDependencies };
}
