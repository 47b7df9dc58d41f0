import { type FilesByEnd, type HostileFile, listFiles, secret } from "./hostile-file.ts";
import {
  frameSegment,
  huffmanSegments,
  jpegEnd,
  type JpegFrame,
  jpegStart,
  quantisation,
  remark,
  scanSegment,
  segment,
  writeJpeg,
  zeroBlocks,
} from "./jpeg-writer.ts";

const small: JpegFrame = { width: 40, height: 32 };
const segmentBytesMax = 65_533;

const good = (): Uint8Array => writeJpeg(small);

/** A JPEG made of the parts given between its start and its end. */
function partsOf(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([jpegStart, remark(), ...parts, jpegEnd]);
}

/** Fills an application segment with a mark and something else behind it. */
function application(marker: number, mark: string, fill: Uint8Array): Buffer {
  return segment(marker, Buffer.concat([Buffer.from(mark, "latin1"), fill]));
}

/** A directory of EXIF that is its own next one, and whose entries point everywhere. */
function exifLoop(): Buffer {
  const entries = 5000;
  const tiff = Buffer.alloc(8 + 2 + entries * 12 + 4);
  tiff.write("II*\0", 0, "latin1");
  tiff.writeUInt32LE(8, 4);
  tiff.writeUInt16LE(entries, 8);
  for (let index = 0; index < entries; index++) {
    const at = 10 + index * 12;
    // The tag of a directory below, as a long, four thousand million times, at the beginning.
    tiff.writeUInt16LE(0x87_69, at);
    tiff.writeUInt16LE(4, at + 2);
    tiff.writeUInt32LE(0xff_ff_ff_ff, at + 4);
    tiff.writeUInt32LE(8, at + 8);
  }
  tiff.writeUInt32LE(8, tiff.length - 4);
  return application(0xe1, "Exif\0\0", tiff);
}

/** A picture of many pixels that is painted over and over: each scan costs as much as the first. */
function progressive(frame: JpegFrame, scans: number): Uint8Array {
  const blocks = Math.ceil(frame.width / 8) * Math.ceil(frame.height / 8);
  // One bit per block for the first scan; the others say "zero" for up to 32,767 blocks at once.
  const first = [scanSegment({ to: 0 }), new Uint8Array(Math.ceil(blocks / 8))];
  const others = Array.from({ length: scans }, (_, index) => {
    const from = 1 + (index % 63);
    return [scanSegment({ from, to: from }), new Uint8Array(Math.ceil(blocks / 8))];
  });
  return partsOf(
    quantisation(),
    frameSegment({ ...frame, marker: 0xc2 }),
    huffmanSegments(),
    ...first,
    ...others.flat(),
  );
}

const adobeInks = (): Buffer => application(0xee, "Adobe", Buffer.from([0, 100, 0, 0, 0, 0, 0]));

const ends: FilesByEnd = {
  completed: {
    "whose EXIF leads back to itself": () => writeJpeg(small, exifLoop()),
    "with a hundred and fifty segments of EXIF": () =>
      writeJpeg(
        small,
        ...Array.from({ length: 150 }, () =>
          application(0xe1, "Exif\0\0", Buffer.alloc(segmentBytesMax - 6, secret)),
        ),
      ),
    "with a colour profile in 255 parts, each said to be the first": () =>
      writeJpeg(
        small,
        ...Array.from({ length: 140 }, () =>
          application(0xe2, "ICC_PROFILE\0\u0001\u00ff", Buffer.alloc(segmentBytesMax - 14, 0xff)),
        ),
      ),
    "in the inks of a printer": () => writeJpeg({ ...small, components: 4 }, adobeInks()),
    "that is progressive": () => progressive(small, 63),
    "painted five hundred times": () => progressive({ width: 1000, height: 1000 }, 500),
    "that is an archive, too": () =>
      Buffer.concat([good(), Buffer.from(`PK\u0003\u0004${secret}PK\u0005\u0006`, "latin1")]),
    "with a film behind it": () =>
      Buffer.concat([good(), Buffer.from("\0\0\0\u0018ftypmp42"), Buffer.alloc(1_000_000, secret)]),
    "with a document behind it": () =>
      Buffer.concat([good(), Buffer.from(`%PDF-1.7\n${secret}\n%%EOF\n`)]),
  },
  input_corrupt: {
    "that is nothing but a start": () => Buffer.from([0xff, 0xd8, 0xff]),
    "of which half is missing": () => good().subarray(0, good().length / 2),
    "without an end": () => good().subarray(0, -2),
    "with a segment of no length": () => partsOf(Buffer.from([0xff, 0xe1, 0, 0])),
    "with a segment that is longer than the file": () =>
      partsOf(Buffer.from([0xff, 0xe1, 0xff, 0xff])),
    "without a frame": () => partsOf(huffmanSegments(), scanSegment({})),
    "without a scan": () => partsOf(quantisation(), frameSegment(small)),
    "whose height is said later": () => writeJpeg({ ...small, height: 0 }),
    "without tables": () => partsOf(frameSegment(small), scanSegment({}), zeroBlocks(small)),
    "with a scan of what is not there": () =>
      partsOf(
        quantisation(),
        frameSegment(small),
        huffmanSegments(),
        scanSegment({ components: 4 }),
      ),
    "sampled fifteen times in both directions": () =>
      writeJpeg({ ...small, components: 3, sampling: 0xff }),
    "with a frame in a frame": () => writeJpeg(small, frameSegment({ width: 7000, height: 7000 })),
  },
  input_unsupported: {
    "of twelve bits": () => writeJpeg({ ...small, precision: 12, marker: 0xc1 }),
    "without losses": () => writeJpeg({ ...small, marker: 0xc3 }),
    "in arithmetic code": () => writeJpeg({ ...small, marker: 0xc9 }),
  },
  input_too_large: {
    "that claims all pixels there can be": () =>
      partsOf(frameSegment({ width: 65_535, height: 65_535 }), scanSegment({})),
  },
};

/** JPEGs that lie, swell, or are rare. */
export const jpegs: readonly HostileFile[] = listFiles("a JPEG", "image/jpeg", ends);
