import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { mayBeMissing } from "./support/may-be-missing.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";

setDefaultTimeout(60_000);

const deploy = join(import.meta.dirname, "../deploy");

/** Where they must be, a missing tool fails its test instead. */
const isMissing = (tool: string): boolean => Bun.which(tool) === null && mayBeMissing;
const analyze = "systemd-analyze";
if (isMissing(analyze)) process.stderr.write("skipped: systemd-analyze is not installed\n");
if (isMissing("kubectl")) process.stderr.write("skipped: kubectl is not installed\n");

async function run(command: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, output: stdout + stderr };
}

// The reason is printed above: skipped: no systemd-analyze.
test.skipIf(isMissing(analyze))(
  "systemd understands the unit, and finds little that it leaves open",
  async () => {
    const text = await Bun.file(join(deploy, "systemd/leasehold-worker.service")).text();
    await using folder = await createTemporaryDirectory({
      // The program has to exist, wherever Bun lies on this machine.
      "leasehold-worker.service": text.replace("/usr/local/bin/bun", process.execPath),
    });
    const unit = join(folder.path, "leasehold-worker.service");

    const verified = await run([analyze, "verify", "--man=no", unit]);
    // Ten is an ordinary unit; 2.0 and less is what systemd calls OK.
    const exposure = await run([analyze, "security", "--offline=true", "--threshold=20", unit]);

    expect(verified).toEqual({ exitCode: 0, output: "" });
    expect(exposure.exitCode).toBe(0);
  },
);

// The reason is printed above: skipped: no kubectl.
test.skipIf(isMissing("kubectl"))("the manifests make one whole", async () => {
  const { exitCode, output } = await run(["kubectl", "kustomize", join(deploy, "kubernetes")]);

  expect(exitCode).toBe(0);
  expect(output).toContain("image: leasehold-worker:0.1.0");
  // The generated name has reached those who refer to it.
  expect([...output.matchAll(/name: (leasehold-worker-[a-z0-9]{10})$/gm)]).toHaveLength(3);
});
