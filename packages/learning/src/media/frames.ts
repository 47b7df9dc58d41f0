/** One message between the worker and the process that holds a document. */
export interface Frame {
  /** JSON written by the other side: unknown until it is checked. */
  readonly header: unknown;
  readonly body: Uint8Array;
}

/** Bytes of a frame's JSON header; ours are far smaller. */
export const frameHeaderBytesMax = 4096;

/** Two lengths of four bytes, little end first. */
const prefixBytes = 8;
const noBytes: Uint8Array = new Uint8Array(0);

/** The start of a frame. The body follows as it is, so that ten megabytes are not copied only to be sent. */
export function encodeFrameHead(header: object, bodyBytes: number): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(prefixBytes + json.length);
  head.writeUInt32LE(json.length, 0);
  head.writeUInt32LE(bodyBytes, 4);
  json.copy(head, prefixBytes);
  return head;
}

/**
 * Reads frames until the stream ends, also in the middle of one. Throws on a length beyond the limits.
 *
 * Nothing is read ahead of the consumer, so a process that floods us only fills its own pipe.
 */
export async function* readFrames(
  source: AsyncIterable<Uint8Array>,
  bodyBytesMax: number,
): AsyncGenerator<Frame, void, undefined> {
  const read = createByteReader(source);
  for (;;) {
    const prefix = await read(prefixBytes);
    if (prefix === undefined) return;
    const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
    const headerBytes = view.getUint32(0, true);
    const bodyBytes = view.getUint32(4, true);
    if (headerBytes > frameHeaderBytesMax || bodyBytes > bodyBytesMax) {
      throw new RangeError("A frame is larger than allowed.");
    }
    const json = await read(headerBytes);
    const body = await read(bodyBytes);
    if (json === undefined || body === undefined) return;
    const header: unknown = JSON.parse(new TextDecoder().decode(json));
    yield { header, body };
  }
}

/** Returns a function that reads exactly so many bytes, or undefined when the stream ends before. */
function createByteReader(
  source: AsyncIterable<Uint8Array>,
): (count: number) => Promise<Uint8Array | undefined> {
  const chunks = source[Symbol.asyncIterator]();
  let rest = noBytes;
  return async (count) => {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      if (rest.length === 0) {
        const next = await chunks.next();
        if (next.done === true) return undefined;
        rest = next.value;
      }
      const part = rest.subarray(0, count - filled);
      bytes.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
    }
    return bytes;
  };
}
