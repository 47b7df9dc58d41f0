import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createFolderStorage } from "../src/folder-storage.ts";
import { readVerified, type Storage } from "../src/storage.ts";
import type { SubmissionMedia } from "../src/submission.ts";
import { outline, rejection } from "./fixtures/errors.ts";

interface StorageFixture extends AsyncDisposable {
  readonly storage: Storage;
  readonly root: string;
  /** Outside of the root. */
  readonly secret: string;
}

const content = Buffer.from("Ein Aufsatz über den Bach.");

async function setup(): Promise<StorageFixture> {
  const folder = await mkdtemp(join(tmpdir(), "leasehold-storage-"));
  const root = join(folder, "uploads");
  const secret = join(folder, "secret.txt");
  await mkdir(join(root, "course-1"), { recursive: true });
  await writeFile(join(root, "course-1", "essay.txt"), content);
  await writeFile(secret, "not for you");
  return {
    storage: createFolderStorage({ root }),
    root,
    secret,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

const options = { maxBytes: 1000, signal: new AbortController().signal };

describe("a folder storage", () => {
  test("reads an upload below its root", async () => {
    await using fixture = await setup();

    const bytes = await fixture.storage.read("course-1/essay.txt", options);

    expect(Buffer.from(bytes)).toEqual(content);
  });

  test("reads an upload of exactly the allowed size, and an empty one", async () => {
    await using fixture = await setup();
    await writeFile(join(fixture.root, "empty"), "");

    const whole = await fixture.storage.read("course-1/essay.txt", {
      ...options,
      maxBytes: content.length,
    });
    const empty = await fixture.storage.read("empty", options);

    expect(whole.length).toBe(content.length);
    expect(empty.length).toBe(0);
  });
});

describe("a storage key can't leave its folder", () => {
  const escapes = [
    ["a parent", "../secret.txt"],
    ["a parent further in", "course-1/../../secret.txt"],
    ["two dots in a name", "course-1/essay..txt"],
    ["an absolute path", "/etc/passwd"],
    ["a NUL", "course-1/essay.txt\u0000.png"],
    ["a backslash", String.raw`course-1\..\..\secret.txt`],
    ["a control character", "course-1/essay\n.txt"],
    ["percent-encoding", "%2e%2e/secret.txt"],
    ["percent-encoding, twice", "%252e%252e%252fsecret.txt"],
    ["letters that look like dots", "\u2025/secret.txt"],
    ["an empty segment", "course-1//essay.txt"],
    ["a hidden file", "course-1/.env"],
    ["a trailing slash", "course-1/"],
    ["nothing", ""],
    ["more than 256 characters", "a".repeat(257)],
  ] as const;
  test.each(escapes)("by %s", async (_what, key) => {
    await using fixture = await setup();

    const error = await rejection(fixture.storage.read(key, options));

    expect(outline(error)).toEqual({
      code: "input_corrupt",
      scope: "job",
      retryable: false,
      adapterCode: "path_escape",
    });
  });

  test("by a symbolic link, as the file or as a folder on the way", async () => {
    await using fixture = await setup();
    await symlink(fixture.secret, join(fixture.root, "file-link"));
    await symlink(join(fixture.root, ".."), join(fixture.root, "folder-link"));

    const throughFile = await rejection(fixture.storage.read("file-link", options));
    const throughFolder = await rejection(fixture.storage.read("folder-link/secret.txt", options));

    expect(throughFile.adapterCode).toBe("path_escape");
    expect(throughFolder.adapterCode).toBe("path_escape");
  });

  test("into a sibling whose name begins like the root", async () => {
    await using fixture = await setup();
    await mkdir(`${fixture.root}-old`);
    await writeFile(`${fixture.root}-old/essay.txt`, "old");
    await symlink(`${fixture.root}-old`, join(fixture.root, "old"));

    const error = await rejection(fixture.storage.read("old/essay.txt", options));

    expect(error.adapterCode).toBe("path_escape");
  });

  test("although the root itself may be a link, which is the operator's business", async () => {
    await using fixture = await setup();
    const link = join(fixture.root, "..", "link-to-uploads");
    await symlink(fixture.root, link);

    const bytes = await createFolderStorage({ root: link }).read("course-1/essay.txt", options);

    expect(bytes.length).toBe(content.length);
  });
});

describe("a folder storage refuses", () => {
  test("an upload larger than allowed", async () => {
    await using fixture = await setup();

    const error = await rejection(
      fixture.storage.read("course-1/essay.txt", { ...options, maxBytes: content.length - 1 }),
    );

    expect(error.code).toBe("input_too_large");
    expect(error.retryable).toBe(false);
  });

  test("a missing upload for good, and a missing storage for now", async () => {
    await using fixture = await setup();
    const unmounted = createFolderStorage({ root: join(fixture.root, "unmounted") });
    const empty = join(fixture.root, "..", "empty");
    await mkdir(empty);

    const missing = await rejection(fixture.storage.read("course-1/other.txt", options));
    const withoutRoot = await rejection(unmounted.read("course-1/essay.txt", options));
    const withEmptyRoot = await rejection(
      createFolderStorage({ root: empty }).read("course-1/essay.txt", options),
    );

    expect(outline(missing)).toEqual({
      code: "input_corrupt",
      scope: "job",
      retryable: false,
      adapterCode: "storage_key_missing",
    });
    const outage = {
      code: "backend_unreachable",
      scope: "backend",
      retryable: true,
      adapterCode: "storage_unreachable",
    } as const;
    expect(outline(withoutRoot)).toEqual(outage);
    expect(outline(withEmptyRoot)).toEqual(outage);
  });

  test("a folder, a long name and a file used as a folder as missing uploads", async () => {
    await using fixture = await setup();

    const errors = await Promise.all(
      ["course-1", "a".repeat(256), "course-1/essay.txt/page"].map((key) =>
        rejection(fixture.storage.read(key, options)),
      ),
    );

    expect(errors.map(({ adapterCode }) => adapterCode)).toEqual(
      Array.from({ length: 3 }, () => "storage_key_missing"),
    );
  });

  test("without naming the key or the path", async () => {
    await using fixture = await setup();
    const keys = ["course-1/mustermann-max.txt", "../mustermann-max.txt"];

    const errors = await Promise.all(
      keys.map((key) => rejection(fixture.storage.read(key, options))),
    );

    const printed = errors.map((error) => `${error.message} ${JSON.stringify(error)}`).join(" ");
    expect(printed).not.toContain("mustermann");
    expect(printed).not.toContain("leasehold-storage");
  });

  test("a caller that has stopped", async () => {
    await using fixture = await setup();
    const signal = AbortSignal.abort();

    const error = await rejection(
      fixture.storage.read("course-1/essay.txt", { ...options, signal }),
    );

    expect(error.code).toBe("aborted");
    expect(error.scope).toBe("backend");
  });
});

describe("readVerified", () => {
  const media: SubmissionMedia = {
    storageKey: "course-1/essay.txt",
    mediaType: "application/pdf",
    bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
  };

  test("returns what agrees with its record", async () => {
    await using fixture = await setup();

    const bytes = await readVerified(fixture.storage, media, options.signal);

    expect(Buffer.from(bytes)).toEqual(content);
  });

  test("refuses another size and another hash", async () => {
    await using fixture = await setup();
    const read = (changes: Partial<SubmissionMedia>): Promise<Uint8Array> =>
      readVerified(fixture.storage, { ...media, ...changes }, options.signal);

    const size = await rejection(read({ bytes: content.length + 1 }));
    const hash = await rejection(read({ sha256: "0".repeat(64) }));

    expect([size.code, size.adapterCode]).toEqual(["input_corrupt", "size_mismatch"]);
    expect([hash.code, hash.adapterCode]).toEqual(["input_corrupt", "hash_mismatch"]);
  });
});
