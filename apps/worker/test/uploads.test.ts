import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { WorkerError } from "@leasehold/core";
import { textCharactersMax, uploadBytesMax } from "@leasehold/learning";

import { toContent } from "../src/uploads.ts";

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function setup(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "leasehold-uploads-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!WorkerError.is(error)) throw new Error("It was not refused.", { cause: error });
  return error.code;
}

const png = Buffer.from("\u0089PNG and more", "latin1");

test.each([
  ["\u0089PNG and more", { kind: "image", mediaType: "image/png" }, "png"],
  ["\u00ff\u00d8\u00ff and more", { kind: "image", mediaType: "image/jpeg" }, "jpg"],
  ["%PDF-1.7 and more", { kind: "file", mediaType: "application/pdf" }, "pdf"],
])("bytes that begin with %p are stored under what they are", async (text, expected, ending) => {
  await using folder = await setup();
  const bytes = Buffer.from(text, "latin1");
  const sha256 = createHash("sha256").update(bytes).digest("hex");

  const content: unknown = await toContent(bytes, folder.path);

  const storageKey = `submissions/${sha256}.${ending}`;
  expect(content).toEqual({ ...expected, storageKey, bytes: bytes.length, sha256 });
  expect(await readFile(join(folder.path, storageKey))).toEqual(bytes);
  expect(await readdir(join(folder.path, "submissions"))).toHaveLength(1);
});

test("the same upload twice is one file", async () => {
  await using folder = await setup();

  const [one, other] = await Promise.all([
    toContent(png, folder.path),
    toContent(png, folder.path),
  ]);

  expect(one).toEqual(other);
  expect(await readdir(join(folder.path, "submissions"))).toHaveLength(1);
});

test("everything else is text, and is not stored", async () => {
  await using folder = await setup();

  const content = await toContent(Buffer.from("Grüße, „Bach“"), folder.path);

  expect(content).toEqual({ kind: "text", text: "Grüße, „Bach“" });
  expect(await readdir(folder.path)).toEqual([]);
});

test("what is too large, or no text either, is refused before it is stored", async () => {
  await using folder = await setup();
  const huge = Buffer.alloc(uploadBytesMax + 1);
  png.copy(huge);
  const long = Buffer.from("a".repeat(textCharactersMax + 1));

  const codes = [
    await codeOf(toContent(huge, folder.path)),
    await codeOf(toContent(long, folder.path)),
    await codeOf(toContent(Buffer.from([0xff, 0xfe, 0x00, 0x80]), folder.path)),
  ];

  expect(codes).toEqual(["input_too_large", "input_too_large", "input_unsupported"]);
  expect(await readdir(folder.path)).toEqual([]);
});
