import { deflateSync } from "node:zlib";

import { packedSpaces } from "./bomb.ts";
import { type FilesByEnd, type HostileFile, listFiles, secret } from "./hostile-file.ts";
import { pngChunk, type PngHeader, writePng, zeroRows } from "./png-writer.ts";

const small: PngHeader = { width: 40, height: 30 };

const eighthGigabyte = 134_217_728;

/** A PNG as it should be, for what is done to it afterwards. */
const good = (): Uint8Array => writePng(small, zeroRows(small));

/** Changes bytes of a good PNG. The header's data begin at 16, its checksum at 29. */
function changed(at: number, bytes: readonly number[]): Uint8Array {
  const png = Buffer.from(good());
  png.set(bytes, at);
  return png;
}

/** Data in chunks of one byte, and empty ones up to a number. */
function inPieces(data: Uint8Array, pieces: number): readonly Uint8Array[] {
  return Array.from({ length: pieces }, (_, at) => pngChunk("IDAT", data.subarray(at, at + 1)));
}

function animated(frames: number): Uint8Array {
  const control = Buffer.alloc(8);
  control.writeUInt32BE(frames, 0);
  const more = Array.from({ length: frames }, (_, number) => {
    const data = Buffer.alloc(4 + 60);
    data.writeUInt32BE(number, 0);
    return pngChunk("fdAT", data);
  });
  return writePng(small, pngChunk("acTL", control), zeroRows(small), ...more);
}

/** What may become of a PNG. */
const ends: FilesByEnd = {
  completed: {
    "in three thousand pieces": () =>
      writePng(small, ...inPieces(deflateSync(Buffer.alloc(41 * 30)), 3000)),
    "with a profile that unpacks to an eighth of a gigabyte": () =>
      writePng(
        small,
        pngChunk("iCCP", Buffer.concat([Buffer.from("p\0\0"), packedSpaces(eighthGigabyte)])),
        zeroRows(small),
      ),
    "with a remark that unpacks to an eighth of a gigabyte": () =>
      writePng(
        small,
        pngChunk("zTXt", Buffer.concat([Buffer.from("Comment\0\0"), packedSpaces(eighthGigabyte)])),
        zeroRows(small),
      ),
    "with ten thousand remarks": () =>
      writePng(
        small,
        ...Array.from({ length: 10_000 }, () =>
          pngChunk("tEXt", Buffer.from(`Comment\0${secret}`, "latin1")),
        ),
        zeroRows(small),
      ),
    "of sixteen bits": () => {
      const header = { ...small, bitDepth: 16, colourType: 2 };
      return writePng(header, zeroRows(header));
    },
    "of one bit": () => {
      const header = { ...small, bitDepth: 1 };
      return writePng(header, zeroRows(header));
    },
    "that is interlaced": () => {
      // Seven passes over one pixel are one row.
      const header = { width: 1, height: 1, interlaced: true };
      return writePng(header, zeroRows(header));
    },
    "that moves": () => animated(5),
    "that is an archive, too": () =>
      Buffer.concat([good(), Buffer.from(`PK\u0003\u0004${secret}PK\u0005\u0006`, "latin1")]),
    "that is a page of script, too": () =>
      Buffer.concat([good(), Buffer.from(`<script>alert("${secret}")</script>`)]),
    "one pixel high and a million wide": () => {
      const header = { width: 1_000_000, height: 1 };
      return writePng(header, zeroRows(header));
    },
  },
  input_corrupt: {
    "that is nothing but a signature": () => good().subarray(0, 8),
    "of which half is missing": () => good().subarray(0, good().length / 2),
    "without an end": () => good().subarray(0, -12),
    "without pixels": () => writePng(small),
    "of no width": () => changed(16, [0, 0, 0, 0]),
    "whose header is not the first": () => changed(12, [...Buffer.from("tEXt")]),
    "with a chunk of four gigabytes": () => changed(8, [0xff, 0xff, 0xff, 0xff]),
    "of an unknown kind of pixels": () => changed(24, [8, 5]),
    "that promises twenty-five million pixels and has twelve hundred": () =>
      writePng({ width: 5000, height: 5000 }, zeroRows(small)),
    "whose pixels are rubbish": () => writePng(small, pngChunk("IDAT", Buffer.alloc(500, secret))),
    "with a palette that is not there": () => {
      const header = { ...small, colourType: 3 };
      return writePng(header, zeroRows(header));
    },
  },
  input_too_large: {
    "of sixty million pixels": () => {
      const header = { width: 10_000, height: 6000 };
      return writePng(header, zeroRows(header));
    },
    "that claims all pixels there can be": () =>
      writePng({ width: 0x7f_ff_ff_ff, height: 0x7f_ff_ff_ff }, zeroRows(small)),
  },
};

/** PNGs that lie, swell, or are rare. */
export const pngs: readonly HostileFile[] = listFiles("a PNG", "image/png", ends);
