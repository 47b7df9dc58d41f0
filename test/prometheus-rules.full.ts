import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

setDefaultTimeout(120_000);

const folder = join(import.meta.dirname, "../deploy/prometheus");

/** Where it must be, a missing tool fails its test instead. */
const isMissing = Bun.which("promtool") === null && process.env["CI"] !== "true";
if (isMissing) process.stderr.write("skipped: promtool is not installed\n");

// The reason is printed above: skipped: no promtool.
test.skipIf(isMissing)("each alert fires for its cause, and none on a good day", async () => {
  const ends: unknown[] = [];

  for (const args of [
    ["check", "rules", "rules.yaml"],
    ["test", "rules", "rules.test.yaml"],
  ]) {
    const child = Bun.spawn(["promtool", ...args], {
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
