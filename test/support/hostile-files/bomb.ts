import { constants, deflateRawSync } from "node:zlib";

const pieceBytes = 1_048_576;

/**
 * A kilobyte for each megabyte of spaces that it unpacks to, made without ever holding the megabytes: one packed piece,
 * over and over.
 */
export function packedSpaces(bytes: number): Uint8Array {
  const spaces = Buffer.alloc(pieceBytes, " ");
  const piece = deflateRawSync(spaces, { finishFlush: constants.Z_FULL_FLUSH });
  const pieces = Array.from({ length: Math.ceil(bytes / pieceBytes) }, () => piece);
  const start = Buffer.from([0x78, 0x9c]);
  // An empty last piece. The checksum is wrong, which nobody looks at before everything is unpacked.
  const end = Buffer.from([0x03, 0x00, 0, 0, 0, 1]);
  return Buffer.concat([start, ...pieces, end]);
}
