import { at, eachSource, findAll, findLiterals, type Rule } from "./rule.ts";
import { findNamedImports, listImports } from "./source-text.ts";

const members =
  "exit|exitCode|abort|on|once|addListener|prependListener|stdin|stdout|stderr|chdir|umask";
const ownMembers = new RegExp(`(?<!\\.)\\bprocess\\s*\\??\\.\\s*(?:${members})\\b`, "g");
const ownMembersImported = new RegExp(`\\b(?:${members})\\b`);
const packageSources = /^packages\/[^/]+\/src\/.*\.tsx?$/;

/** A package is a guest in somebody's process, on Bun or on Node. */
export const processRules: readonly Rule[] = [
  {
    name: "the environment is read in apps/*/src/config.ts only",
    check: eachSource({
      files: /^(?:packages|apps)\/[^/]+\/src\/.*\.tsx?$/,
      except: /^apps\/[^/]+\/src\/config\.ts$/,
      find: (source) => [
        ...findAll(
          /\b(?:process|Bun|import\s*\.\s*meta)\s*\??\.\s*env\b|\{[^{}]*\benv\b[^{}]*\}\s*=\s*process\b/g,
          source.code,
        ),
        ...findNamedImports(source, /^(?:node:)?process$|^bun$/, /\benv\b/),
      ],
    }),
    planted: [
      ...at(
        "packages/core/src/a.ts",
        "const home = process.env.HOME;",
        "const home = process\n  .env['HOME'];",
        "const { argv, env } = process;",
        "const home = Bun.env.HOME;",
        "const mode = import.meta.env.MODE;",
        'import { env } from "node:process";',
        "const text = `in ${process.env.HOME}`;",
      ),
      ...at("apps/worker/src/main.ts", "run(process.env);"),
      ...at("apps/worker/src/deep/config.ts", "run(process.env);"),
    ],
    clean: [
      ...at("apps/worker/src/config.ts", "export const config = parseEnvironment(process.env);"),
      ...at(
        "packages/core/src/a.ts",
        "// A host may read process.env for us.",
        "/** Not `process.env`. */",
        'const advice = "set it in process.env";',
        "const { env } = options;",
      ),
    ],
  },
  {
    name: "packages run on Node too",
    check: eachSource({
      files: packageSources,
      find: (source) => [
        // A bare `Bun` throws on Node; `globalThis.Bun` is how to ask whether there is one.
        ...findAll(/(?<!\bglobalThis\s*\.\s*)\bBun\b|\bglobalThis\s*\.\s*Bun\s*\./g, source.code),
        ...findLiterals(listImports(source), (specifier) => /^bun(?::|$)/.test(specifier)),
      ],
    }),
    planted: at(
      "packages/core/src/a.ts",
      "await Bun.sleep(1);",
      "const { file } = Bun;",
      'import { sql } from "bun";',
      'import type { BunFile } from "bun";',
      'import { Database } from "bun:sqlite";',
      'const { test } = await import("bun:test");',
      "globalThis.Bun.gc(true);",
    ),
    clean: [
      ...at(
        "packages/core/src/a.ts",
        "/** On Bun a host passes `Bun.Image`. */",
        'const advice = "run it with Bun. Or with Node.";',
        'import { bundle } from "./bun-like.ts";',
        "const BunLike = 1;",
        'const bun: unknown = "Bun" in globalThis ? globalThis.Bun : undefined;',
      ),
      ...at("packages/core/test/a.test.ts", 'import { test } from "bun:test";'),
      ...at("apps/worker/src/main.ts", "await Bun.sleep(1);"),
    ],
  },
  {
    name: "libraries never exit the process, take its signals or its streams, or print",
    check: eachSource({
      files: packageSources,
      // A child process of ours is its own; and the kit looks whether a model prints.
      except: /-child\.ts$|\/testing\/watch-console\.ts$/,
      find: (source) => [
        ...findAll(ownMembers, source.code),
        ...findAll(/\bconsole\b/g, source.code),
        ...findNamedImports(source, /^(?:node:)?process$/, ownMembersImported),
      ],
    }),
    planted: at(
      "packages/core/src/a.ts",
      "process.exit(1);",
      "process.exitCode = 1;",
      'process.on("SIGTERM", stop);',
      'process\n  .once("exit", stop);',
      'console.log("started");',
      'process.stdout.write("started");',
      'import { exit, pid } from "node:process";',
      'import { stdout as out } from "process";',
    ),
    clean: [
      ...at(
        "packages/core/src/a.ts",
        "// The host decides when to process.exit().",
        'const advice = "call process.exit() yourself";',
        "if (process.platform === 'linux') subprocess.on('exit', settle);",
        "server.process.stdout.pipe(log);",
        'import { arch, platform } from "node:process";',
      ),
      ...at("packages/learning/src/media/media-child.ts", "process.exit(0);"),
      ...at("apps/worker/src/main.ts", "process.exit(0);"),
    ],
  },
];
