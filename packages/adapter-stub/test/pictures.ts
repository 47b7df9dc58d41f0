import type { ModelImage } from "@leasehold/model";

/** A real picture of a size, encoded by the codec of the runtime. */
export async function encodePicture(
  mediaType: ModelImage["mediaType"],
  [width, height]: readonly [number, number],
): Promise<Uint8Array> {
  // A bitmap of one white pixel: the smallest thing that a codec takes.
  const bitmap = new Uint8Array(58);
  const view = new DataView(bitmap.buffer);
  bitmap.set([0x42, 0x4d]);
  for (const [at, value] of [
    [2, 58],
    [10, 54],
    [14, 40],
    [18, 1],
    [22, 1],
    [34, 4],
  ] as const) {
    view.setUint32(at, value, true);
  }
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  bitmap.set([0xff, 0xff, 0xff, 0], 54);
  const picture = new Bun.Image(bitmap).resize(width, height, { fit: "fill" });
  return mediaType === "image/png" ? picture.png().bytes() : picture.jpeg().bytes();
}

/** A segment of a JPEG: marker, length and content. */
export function jpegSegment(marker: number, content: readonly number[]): number[] {
  const length = content.length + 2;
  return [0xff, marker, length >> 8, length & 0xff, ...content];
}

/** The frame header of a JPEG with one component. */
export function jpegFrame(marker: number, width: number, height: number): number[] {
  const size = [height >> 8, height & 0xff, width >> 8, width & 0xff];
  return jpegSegment(marker, [8, ...size, 1, 1, 0x11, 0]);
}

/** The start of a block of EXIF, with as many bytes as a camera's orientation needs. */
export const exifSegment: readonly number[] = jpegSegment(0xe1, [
  ...new TextEncoder().encode("Exif\0\0"),
  ...new TextEncoder().encode("II*\0\b\0\0\0\0\0"),
]);

/** Puts a block of EXIF right behind the start of a JPEG, as cameras do. */
export function withExif(jpeg: Uint8Array): Uint8Array {
  return Uint8Array.from([...jpeg.subarray(0, 2), ...exifSegment, ...jpeg.subarray(2)]);
}

/** A chunk of a PNG. Its checksum is left empty, which no header reader looks at. */
export function pngChunk(name: string, content: readonly number[]): number[] {
  const { length } = content;
  return [
    0,
    0,
    length >> 8,
    length & 0xff,
    ...new TextEncoder().encode(name),
    ...content,
    0,
    0,
    0,
    0,
  ];
}
