import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { createTemporaryDirectory } from "../temporary-directory.ts";

/** A test that cannot hold somewhere, and why. */
export interface Exception {
  /** The file in its folder, without `.test.ts`, such as `limits/exact`. */
  readonly file: string;
  /** How the names begin, groups included: `group > name`. Empty: the whole file. */
  readonly test: string;
  readonly reason: string;
}

/** What became of the suite in one surrounding. */
export interface SuiteReport {
  readonly ran: number;
  readonly passed: number;
  readonly skipped: number;
  /** What failed and is no exception, with what its file wrote. */
  readonly failures: readonly string[];
  /** How long each file took. */
  readonly files: readonly { readonly name: string; readonly seconds: number }[];
}

interface FileReport {
  readonly tests: readonly { readonly name: string; readonly outcome: Outcome }[];
  readonly output: string;
  readonly isComplete: boolean;
  readonly seconds: number;
}

type Outcome = "passed" | "failed" | "skipped";

const root = join(import.meta.dirname, "../../..");
const folder = "packages/core/test";
const fileMs = 600_000;

/** The core test files that use a server; the others know no surrounding. */
export async function listServerFiles(): Promise<readonly string[]> {
  const paths = await readdir(join(root, folder), { recursive: true });
  const names = paths.filter((path) => path.endsWith(".test.ts"));
  const texts = await Promise.all(names.map((name) => readFile(join(root, folder, name), "utf8")));
  return names.filter((_, place) => texts[place]?.includes("useServer()") === true).toSorted();
}

/** Runs files of the core suite in processes of their own; `surrounding` is what their support reads. */
export async function runCoreSuite(
  surrounding: object,
  exceptions: readonly Exception[],
  files?: readonly string[],
): Promise<SuiteReport> {
  const queue = [...(files ?? (await listServerFiles()))];
  const reports: SuiteReport[] = [];
  const work = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const file = name.replace(/\.test\.ts$/, "");
      const own = exceptions.filter((exception) => exception.file === file);
      if (own.some(({ test }) => test === "")) continue;
      reports.push(judge(file, await runFile(name, surrounding, own)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  const sum = (count: (report: SuiteReport) => number): number =>
    reports.reduce((total, report) => total + count(report), 0);
  return {
    ran: sum(({ ran }) => ran),
    passed: sum(({ passed }) => passed),
    skipped: sum(({ skipped }) => skipped),
    failures: reports.flatMap((report) => report.failures),
    files: reports.flatMap((report) => report.files),
  };
}

function judge(file: string, { tests, output, isComplete, seconds }: FileReport): SuiteReport {
  const count = (wanted: Outcome): number =>
    tests.filter(({ outcome }) => outcome === wanted).length;
  const failed = tests.filter(({ outcome }) => outcome === "failed");
  const failures = failed.map(({ name }) => `${file}: ${name}`);
  // An error between two tests, or a process that ended early, is in no test's report.
  if (!isComplete && failed.length === 0) failures.push(`${file}: the file itself`);
  return {
    ran: tests.length - count("skipped"),
    passed: count("passed"),
    skipped: count("skipped"),
    failures: failures.length === 0 ? [] : [...failures, output.slice(-8_000)],
    files: [{ name: file, seconds }],
  };
}

async function runFile(
  name: string,
  surrounding: object,
  exceptions: readonly Exception[],
): Promise<FileReport> {
  await using directory = await createTemporaryDirectory();
  const reportPath = join(directory.path, "report.xml");
  const reporter = ["--reporter=junit", `--reporter-outfile=${reportPath}`];
  const filter = exceptions.length === 0 ? [] : ["-t", toPattern(exceptions)];
  const argv = ["test", ...reporter, ...filter, `./${folder}/${name}`];
  const child = spawn(process.execPath, argv, {
    cwd: root,
    env: { ...process.env, LEASEHOLD_TEST_SURROUNDING: JSON.stringify(surrounding) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const startedAt = performance.now();
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      output = (output + bytes.toString("utf8")).slice(-100_000);
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), fileMs);
  try {
    const [exitCode]: unknown[] = await once(child, "close");
    const report = await readFile(reportPath, "utf8").catch(() => "");
    const seconds = (performance.now() - startedAt) / 1_000;
    return { tests: [...readTests(report)], output, isComplete: exitCode === 0, seconds };
  } finally {
    clearTimeout(timer);
  }
}

/** Bun matches a test's groups and name, parted by spaces; nothing else leaves tests out. */
function toPattern(exceptions: readonly Exception[]): string {
  const names = exceptions.map(({ test }) => RegExp.escape(test.replaceAll(" > ", " ")));
  return `^(?!(${names.join("|")}))`;
}

/** Bun's report holds a self-closing element for each test that passed, and a child in the others. */
function* readTests(report: string): Generator<{ name: string; outcome: Outcome }> {
  const cases = report.matchAll(
    /<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(\/>|>([^]*?)<\/testcase>)/g,
  );
  for (const [, test = "", group = "", , inside = ""] of cases) {
    const name = unescape(group === "" ? test : `${group} > ${test}`);
    const outcome = /<skipped/.test(inside) ? "skipped" : inside === "" ? "passed" : "failed";
    yield { name, outcome };
  }
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text
    .replaceAll(/&(lt|gt|quot|apos);/g, (whole, name: string) => entities[name] ?? whole)
    .replaceAll("&amp;", "&");
}
