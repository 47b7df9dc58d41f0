import { expect, test } from "bun:test";
import { createHash } from "node:crypto";

import { createStubModel } from "@leasehold/adapter-stub";
import type { ModelImage, ModelRequest } from "@leasehold/model";

import {
  encodePicture,
  exifSegment,
  jpegFrame,
  jpegSegment,
  pngChunk,
  withExif,
} from "./pictures.ts";
import { call, codeOf } from "./stub-call.ts";

const pngStart = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const ihdr = pngChunk("IHDR", [0, 0, 0, 3, 0, 0, 0, 4, 8, 0, 0, 0, 0]);
const iend = pngChunk("IEND", []);
const jpegStart = [0xff, 0xd8];
const jpegEnd = [0xff, 0xd9];

/** What is declared is wrong on purpose: the stub must not believe it. */
function look(...pictures: readonly Uint8Array[]): ModelRequest {
  const images = pictures.map((bytes): ModelImage => ({
    mediaType: "image/png",
    width: 9_999,
    height: 9_999,
    bytes,
  }));
  return {
    messages: [{ role: "user", content: "Read the page.", images }],
    outputTokensMax: 4_000,
  };
}

async function statementsOf(request: ModelRequest): Promise<readonly string[]> {
  const { text } = await call(createStubModel(), request);
  return text.split("\n").filter((line) => line.startsWith("[stub vision]"));
}

function stated(start: string, bytes: Uint8Array): string {
  return `[stub vision] ${start} sha256=${createHash("sha256").update(bytes).digest("hex")}`;
}

test("states what it was sent, in order, by its own measure", async () => {
  const jpeg = await encodePicture("image/jpeg", [120, 160]);
  const png = await encodePicture("image/png", [64, 48]);

  const statements = await statementsOf(look(jpeg, png));

  expect(statements).toEqual([
    "[stub vision] images=2",
    stated("image/jpeg 120x160 exif=absent", jpeg),
    stated("image/png 64x48 exif=absent", png),
  ]);
});

test("says that it read nothing", async () => {
  const png = await encodePicture("image/png", [2, 2]);

  const { text, provenance } = await call(createStubModel(), look(png));

  expect(text).toContain("synthetic");
  expect(provenance.synthetic).toBe(true);
});

test("notices that a picture still carries EXIF", async () => {
  const jpeg = withExif(await encodePicture("image/jpeg", [12, 16]));
  const png = Uint8Array.from([...pngStart, ...ihdr, ...pngChunk("eXIf", [1, 2, 3]), ...iend]);

  const statements = await statementsOf(look(jpeg, png));

  expect(statements.slice(1)).toEqual([
    stated("image/jpeg 12x16 exif=present", jpeg),
    stated("image/png 3x4 exif=present", png),
  ]);
});

test.each([
  ["baseline", [...jpegStart, ...jpegFrame(0xc0, 300, 200), ...jpegEnd]],
  ["progressive", [...jpegStart, ...jpegFrame(0xc2, 300, 200), ...jpegEnd]],
  [
    "behind tables",
    [...jpegStart, ...jpegSegment(0xc4, [1, 2]), ...jpegFrame(0xc0, 300, 200), ...jpegEnd],
  ],
  ["behind fill bytes", [...jpegStart, 0xff, 0xff, ...jpegFrame(0xc0, 300, 200), ...jpegEnd]],
])("finds the frame of a JPEG: %s", async (_name, content) => {
  const bytes = Uint8Array.from(content);

  expect(await statementsOf(look(bytes))).toContain(
    stated("image/jpeg 300x200 exif=absent", bytes),
  );
});

test("measures a picture that is a part of a larger buffer", async () => {
  const whole = Uint8Array.from([7, 7, 7, ...pngStart, ...ihdr, ...iend, 7]);
  const bytes = whole.subarray(3, -1);

  expect(await statementsOf(look(bytes))).toContain(stated("image/png 3x4 exif=absent", bytes));
});

test.each<[string, readonly number[]]>([
  ["nothing", []],
  ["text", Array.from(new TextEncoder().encode("%PDF-1.7 and so on"))],
  ["a JPEG without a frame", [...jpegStart, ...exifSegment, ...jpegEnd]],
  ["a JPEG without its end", [...jpegStart, ...jpegFrame(0xc0, 300, 200)]],
  ["a JPEG of no size", [...jpegStart, ...jpegFrame(0xc0, 0, 200), ...jpegEnd]],
  ["a JPEG whose segment leads outside", [...jpegStart, 0xff, 0xe0, 0xff, 0xff, 1, ...jpegEnd]],
  [
    "a JPEG whose segment has no length",
    [...jpegStart, 0xff, 0xe0, 0, 0, ...jpegFrame(0xc0, 3, 2), ...jpegEnd],
  ],
  ["a JPEG whose frame is cut off", [...jpegStart, 0xff, 0xc0, 0, 11, 8, ...jpegEnd]],
  ["a PNG without its head", [...pngStart, ...iend]],
  ["a PNG without its end", [...pngStart, ...ihdr]],
  ["a PNG whose chunk leads outside", [...pngStart, ...ihdr, 0xff, 0xff, 0xff, 0xff, ...iend]],
])("refuses what is no whole picture: %s", async (_name, content) => {
  const code = await codeOf(call(createStubModel(), look(Uint8Array.from(content))));

  expect(code).toBe("input_corrupt");
});

test("looks at every picture also when it answers in JSON", async () => {
  const request = { ...look(new Uint8Array(3)), schema: { type: "object", properties: {} } };

  expect(await codeOf(call(createStubModel(), request))).toBe("input_corrupt");
});

test("reads no random bytes as a picture and never runs on", async () => {
  let state = 7;
  for (let round = 0; round < 300; round += 1) {
    const noise = Array.from(
      { length: 64 },
      () => (state = (state * 48_271) % 2_147_483_647) & 0xff,
    );
    const start = round % 2 === 0 ? jpegStart : [...pngStart, ...ihdr];
    const bytes = Uint8Array.from([...start, ...noise, ...(round % 2 === 0 ? jpegEnd : [])]);

    const error = await codeOf(call(createStubModel(), look(bytes)));

    expect([undefined, "input_corrupt"]).toContain(error);
  }
});
