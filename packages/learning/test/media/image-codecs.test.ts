import { describe, expect, test } from "bun:test";

import type { ImageCodec } from "../../src/media/image-codec.ts";
import { createBunCodec } from "../../src/media/image-codecs/bun-codec.ts";
import { createSharpCodec } from "../../src/media/image-codecs/sharp-codec.ts";
import { inspectJpeg } from "../../src/media/jpeg.ts";
import { MediaRefusal } from "../../src/media/media-refusal.ts";
import type { RenderSettings } from "../../src/media/protocol.ts";
import { colourAt, decodePicture, nameOf } from "../fixtures/pixels.ts";
import { writePng } from "../fixtures/png.ts";
import { readSample } from "../fixtures/samples.ts";

const settings: RenderSettings = {
  longSidePixels: 600,
  jpegQuality: 85,
  textLayerCharactersMin: 32,
  pixelsMax: 50_000_000,
  pagesMax: 30,
  pdfBytesMax: 100_000_000,
};

const codecs = {
  "Bun.Image": () => Promise.resolve(createBunCodec()),
  sharp: () => createSharpCodec(),
} as const;

async function setup(name: keyof typeof codecs): Promise<ImageCodec> {
  const codec = await codecs[name]();
  if (codec === undefined) throw new Error(`${name} is not there.`);
  return codec;
}

describe.each(["Bun.Image", "sharp"] as const)("the codec on %s", (name) => {
  test("turns a photograph upright and makes it smaller", async () => {
    const codec = await setup(name);

    const jpeg = await codec.encodePicture(await readSample("photo.jpg"), settings);

    expect(inspectJpeg(jpeg)).toEqual({ width: 450, height: 600 });
    const pixels = await decodePicture(jpeg);
    expect(nameOf(colourAt(pixels, [0.03, 0.02]))).toBe("red");
  });

  test("puts see-through parts on white", async () => {
    const codec = await setup(name);
    const seeThrough = Array.from({ length: 32 }, () => [0, 0, 0, 0]);
    const black = Array.from({ length: 32 }, () => [0, 0, 0, 255]);
    const row = Uint8Array.from([0, ...seeThrough.flat(), ...black.flat()]);

    const jpeg = await codec.encodePicture(
      writePng({ width: 64, height: 64, colourType: 6, row: () => row }),
      settings,
    );

    const pixels = await decodePicture(jpeg);
    expect(nameOf(colourAt(pixels, [0.25, 0.5]))).toBe("white");
    expect(nameOf(colourAt(pixels, [0.75, 0.5]))).toBe("black");
  });

  test("does not enlarge", async () => {
    const codec = await setup(name);

    const jpeg = await codec.encodePicture(
      writePng({ width: 30, height: 20, colourType: 2 }),
      settings,
    );

    expect(inspectJpeg(jpeg)).toEqual({ width: 30, height: 20 });
  });

  test("keeps the colours of painted pixels", async () => {
    const codec = await setup(name);
    // Blue, green, red and a byte without meaning, which must not become transparency.
    const red = [0, 0, 255, 0];
    const data = Uint8Array.from(Array.from({ length: 16 * 16 }, () => red).flat());

    const jpeg = await codec.encodePixels({ width: 16, height: 16, data }, settings);

    expect(nameOf(colourAt(await decodePicture(jpeg), [0.5, 0.5]))).toBe("red");
  });

  test("refuses what it can't decode", async () => {
    const codec = await setup(name);
    const picture = writePng({ width: 100, height: 100, colourType: 2 });
    picture.fill(0x5a, 41, 60);

    const reason = await codec.encodePicture(picture, settings).catch(reasonOf);

    expect(reason).toBe("image_damaged");
  });
});

function reasonOf(error: unknown): unknown {
  return error instanceof MediaRefusal ? error.reason : error;
}
