import { expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { HttpConfig } from "../src/config.ts";
import { findOperatorTokens } from "../src/operator-token.ts";

const http: HttpConfig = {
  host: "127.0.0.1",
  port: 8787,
  isDefaultPort: true,
  operatorTokens: [],
};

interface Folder extends AsyncDisposable {
  readonly path: string;
  /** As the worker makes it: it is not there yet. */
  readonly dataDir: string;
}

async function setup(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "leasehold-token-"));
  return {
    path,
    dataDir: join(path, "data"),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

test("a token that nobody chose is made once, for its own user alone", async () => {
  await using folder = await setup();

  const first = findOperatorTokens(http, folder.dataDir);
  const second = findOperatorTokens(http, folder.dataDir);

  const file = join(folder.dataDir, "operator-token");
  expect(second).toEqual(first);
  expect(first).toEqual({ tokens: [(await readFile(file, "utf8")).trim()], file });
  expect(first.tokens[0]).toMatch(/^[\w-]{32}$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder.dataDir)).toEqual(["operator-token"]);
});

test("tokens that somebody chose are used, and no file is made", async () => {
  await using folder = await setup();
  const operatorTokens = ["a-token-of-ours-1234"];

  const found = findOperatorTokens({ ...http, operatorTokens }, folder.dataDir);

  expect(found).toEqual({ tokens: operatorTokens, file: undefined });
  expect(await readdir(folder.path)).toEqual([]);
});

test("an empty file is named, with what to do about it", async () => {
  await using folder = await setup();
  await writeFile(join(folder.path, "operator-token"), "\n");

  const find = (): unknown => findOperatorTokens(http, folder.path);

  expect(find).toThrow("operator-token holds no token: delete it for a new one.");
});
