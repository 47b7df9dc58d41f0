import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { mayBeMissing } from "./support/may-be-missing.ts";
import { findPrometheus } from "./support/prometheus.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";

setDefaultTimeout(120_000);

const folder = join(import.meta.dirname, "../deploy/prometheus");

const program = await findPrometheus("promtool");
afterAll(() => program?.[Symbol.asyncDispose]());

/** Where it must be, a missing tool fails its test instead. */
const isMissing = program === undefined && mayBeMissing;
if (isMissing) process.stderr.write("skipped: no promtool, and apt-get fetched none\n");

/** Runs promtool beside the rules. */
async function runPromtool(
  ...args: readonly string[]
): Promise<{ readonly exitCode: number; readonly said: string }> {
  if (program === undefined) throw new Error("CI must be able to fetch promtool.");
  const child = Bun.spawn([program.path, ...args], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = await new Response(child.stdout).text();
  return { exitCode: await child.exited, said };
}

// The reason is printed above: skipped: no promtool.
test.skipIf(isMissing)("each alert fires for its cause, and none on a good day", async () => {
  const ends = [
    await runPromtool("check", "rules", "rules.yaml"),
    await runPromtool("test", "rules", "rules.test.yaml"),
  ];

  expect(ends.map(({ exitCode, said }) => [exitCode, said.includes("SUCCESS")])).toEqual([
    [0, true],
    [0, true],
  ]);
});

// The reason is printed above: skipped: no promtool.
test.skipIf(isMissing)("Prometheus understands how it is told of the workers", async () => {
  const readme = await Bun.file(join(folder, "../README.md")).text();
  const [, config = ""] = /^```yaml\n([\s\S]*?)^```/m.exec(readme) ?? [];
  await using written = await createTemporaryDirectory({ "prometheus.yaml": config });
  const path = join(written.path, "prometheus.yaml");

  // What the configuration names lies on the operator's machine.
  const { exitCode, said } = await runPromtool("check", "config", "--syntax-only", path);

  expect(config).toContain("credentials_file");
  expect([exitCode, said]).toEqual([0, expect.stringContaining("SUCCESS")]);
});
