import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { useServer } from "./support/server.ts";

const server = useServer();

test("the program of the README runs as it stands", async () => {
  const { url } = await server();
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
  const [, program = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const text = program.replace("postgres://app@localhost/app", url);

  const child = Bun.spawn([process.execPath, "--eval", text], {
    cwd: import.meta.dirname,
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await new Response(child.stdout).text();
  const errors = await new Response(child.stderr).text();

  expect(errors).toBe("");
  expect(output).toContain('output: "Hello, Ada!"');
  expect(await child.exited).toBe(0);
  const lines = program.split("\n").filter((line) => line !== "");
  expect(lines.length).toBeLessThanOrEqual(15);
});
