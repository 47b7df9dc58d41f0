import type { ImageCodec, PixelsBgrx } from "../image-codec.ts";
import { MediaRefusal, type MediaRefusalReason } from "../media-refusal.ts";
import { inspectPng, isPng, type PixelsRgba, readPixels } from "../png.ts";

/** The part of `Bun.Image` that we use, so that this file compiles and loads on other runtimes too. */
interface BunImage {
  resize(
    width: number,
    height: number,
    options: { readonly fit: "inside"; readonly withoutEnlargement: true },
  ): BunImage;
  jpeg(options: { readonly quality: number }): BunImage;
  png(options: { readonly compressionLevel: number }): BunImage;
  bytes(): Promise<Uint8Array>;
}

type BunImageConstructor = new (
  input: Uint8Array,
  options: { readonly maxPixels: number; readonly autoOrient: boolean },
) => BunImage;

const bmpHeaderBytes = 54;

/** Returns a codec on `Bun.Image`, or undefined on a runtime that has none. */
export function createBunCodec(): ImageCodec | undefined {
  const Image = findBunImage();
  if (Image === undefined) return undefined;
  const decode = (input: Uint8Array, maxPixels: number): BunImage =>
    new Image(input, { maxPixels, autoOrient: true });

  return {
    encodePicture: (picture, { pixelsMax, longSidePixels, jpegQuality: quality }) =>
      refusing(async () => {
        const fitted = decode(picture, pixelsMax).resize(longSidePixels, longSidePixels, {
          fit: "inside",
          withoutEnlargement: true,
        });
        if (!isPng(picture) || !inspectPng(picture).transparent) {
          return await fitted.jpeg({ quality }).bytes();
        }
        // The JPEG encoder drops alpha: black on a see-through ground would come out black on black.
        const pixels = paintOnWhite(readPixels(await fitted.png({ compressionLevel: 1 }).bytes()));
        return await decode(toBmp(pixels), pixelsMax).jpeg({ quality }).bytes();
      }),
    encodePixels: (pixels, { pixelsMax, jpegQuality: quality }) =>
      refusing(() => decode(toBmp(pixels), pixelsMax).jpeg({ quality }).bytes()),
  };
}

function findBunImage(): BunImageConstructor | undefined {
  const bun: unknown = Reflect.get(globalThis, "Bun");
  if (typeof bun !== "object" || bun === null || !("Image" in bun)) return undefined;
  return isBunImage(bun.Image) ? bun.Image : undefined;
}

function isBunImage(value: unknown): value is BunImageConstructor {
  return typeof value === "function";
}

async function refusing(encode: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await encode();
  } catch (error) {
    if (error instanceof MediaRefusal) throw error;
    throw new MediaRefusal(reasonOf(error));
  }
}

function reasonOf(error: unknown): MediaRefusalReason {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ERR_IMAGE_TOO_MANY_PIXELS") return "pixels_limit";
  if (code === "ERR_IMAGE_FORMAT_UNSUPPORTED") return "image_unsupported";
  return "image_damaged";
}

function paintOnWhite({ width, height, data }: PixelsRgba): PixelsBgrx {
  const painted = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] ?? 0;
    const white = 255 * (255 - alpha);
    painted[at] = ((data[at + 2] ?? 0) * alpha + white) / 255;
    painted[at + 1] = ((data[at + 1] ?? 0) * alpha + white) / 255;
    painted[at + 2] = ((data[at] ?? 0) * alpha + white) / 255;
    painted[at + 3] = 255;
  }
  return { width, height, data: painted };
}

/** `Bun.Image` takes files, not pixels; a bitmap file is pixels with a header of 54 bytes. */
function toBmp({ width, height, data }: PixelsBgrx): Uint8Array {
  const file = Buffer.alloc(bmpHeaderBytes + data.length);
  file.write("BM", 0, "latin1");
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(bmpHeaderBytes, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  // A negative height means that the first row is the top one.
  file.writeInt32LE(-height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(32, 28);
  file.writeUInt32LE(data.length, 34);
  file.set(data, bmpHeaderBytes);
  return file;
}
