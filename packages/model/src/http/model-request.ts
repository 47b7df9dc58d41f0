import { Buffer } from "node:buffer";

import type { ModelImage, ModelRequest } from "../model.ts";

/** What the types rule out and a caller without types may do all the same, in our words. */
export function findRequestMisuse(request: ModelRequest): string | undefined {
  if (request.messages.length === 0) return "a request needs a message";
  if (!Number.isInteger(request.outputTokensMax) || request.outputTokensMax < 1) {
    return "outputTokensMax must be a whole number from 1";
  }
  // A string would be a path or an address to others: here it is a mistake.
  if (listImages(request).some(({ bytes }) => !(bytes instanceof Uint8Array))) {
    return "a picture must be bytes";
  }
  return undefined;
}

/** Every picture of a request, in order. */
export function listImages({ messages }: ModelRequest): readonly ModelImage[] {
  return messages.flatMap(({ images }) => images ?? []);
}

/** Whether a request carries a picture. */
export function hasImages(request: ModelRequest): boolean {
  return listImages(request).length > 0;
}

/** The bytes of a picture as text, also where they are a part of a larger buffer. */
export function toBase64({ bytes }: ModelImage): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
