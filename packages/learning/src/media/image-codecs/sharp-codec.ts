import type { ImageCodec, PixelsBgrx } from "../image-codec.ts";
import { MediaRefusal } from "../media-refusal.ts";

/** The part of sharp that we use: it is an optional peer, so its own types may not be installed. */
interface SharpPicture {
  rotate(): SharpPicture;
  flatten(options: { readonly background: string }): SharpPicture;
  resize(options: {
    readonly width: number;
    readonly height: number;
    readonly fit: "inside";
    readonly withoutEnlargement: true;
  }): SharpPicture;
  jpeg(options: { readonly quality: number }): SharpPicture;
  toBuffer(): Promise<Uint8Array>;
}

interface SharpInput {
  readonly limitInputPixels: number;
  readonly raw?: { readonly width: number; readonly height: number; readonly channels: 4 };
}

type Sharp = (input: Uint8Array, options: SharpInput) => SharpPicture;

/** Returns a codec on sharp, or undefined when it is not installed. */
export async function createSharpCodec(): Promise<ImageCodec | undefined> {
  const sharp = await loadSharp();
  if (sharp === undefined) return undefined;
  const white = { background: "#ffffff" };

  return {
    encodePicture: (picture, { pixelsMax, longSidePixels, jpegQuality: quality }) =>
      refusing(() =>
        sharp(picture, { limitInputPixels: pixelsMax })
          .rotate()
          .flatten(white)
          .resize({
            width: longSidePixels,
            height: longSidePixels,
            fit: "inside",
            withoutEnlargement: true,
          })
          .jpeg({ quality })
          .toBuffer(),
      ),
    encodePixels: (pixels, { pixelsMax, jpegQuality: quality }) => {
      const { width, height } = pixels;
      return refusing(() =>
        sharp(toRgba(pixels), {
          limitInputPixels: pixelsMax,
          raw: { width, height, channels: 4 },
        })
          .flatten(white)
          .jpeg({ quality })
          .toBuffer(),
      );
    },
  };
}

async function loadSharp(): Promise<Sharp | undefined> {
  // A name in a variable keeps compilers and bundlers from insisting on an optional package.
  const name: string = "sharp";
  try {
    const loaded: unknown = await import(name);
    const sharp =
      typeof loaded === "object" && loaded !== null && "default" in loaded
        ? loaded.default
        : undefined;
    return isSharp(sharp) ? sharp : undefined;
  } catch {
    return undefined;
  }
}

function isSharp(value: unknown): value is Sharp {
  return typeof value === "function";
}

async function refusing(encode: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await encode();
  } catch {
    // The size was checked before, so what is left is a picture that can't be decoded.
    throw new MediaRefusal("image_damaged");
  }
}

function toRgba({ data }: PixelsBgrx): Uint8Array {
  const swapped = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 4) {
    swapped[at] = data[at + 2] ?? 0;
    swapped[at + 1] = data[at + 1] ?? 0;
    swapped[at + 2] = data[at] ?? 0;
    swapped[at + 3] = 255;
  }
  return swapped;
}
