import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { findPrometheus } from "./support/prometheus.ts";

setDefaultTimeout(120_000);

const folder = join(import.meta.dirname, "../deploy/prometheus");

const program = await findPrometheus("promtool");
afterAll(() => program?.[Symbol.asyncDispose]());

/** Where it must be, a missing tool fails its test instead. */
const isMissing = program === undefined && process.env["CI"] !== "true";
if (isMissing) process.stderr.write("skipped: no promtool, and apt-get fetched none\n");

// The reason is printed above: skipped: no promtool.
test.skipIf(isMissing)("each alert fires for its cause, and none on a good day", async () => {
  if (program === undefined) throw new Error("CI must be able to fetch promtool.");
  const ends: unknown[] = [];

  for (const args of [
    ["check", "rules", "rules.yaml"],
    ["test", "rules", "rules.test.yaml"],
  ]) {
    const child = Bun.spawn([program.path, ...args], {
      cwd: folder,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const said = await new Response(child.stdout).text();
    ends.push([await child.exited, said.includes("SUCCESS")]);
  }

  expect(ends).toEqual([
    [0, true],
    [0, true],
  ]);
});
