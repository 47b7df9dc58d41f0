import { describe, expect, test } from "bun:test";

import {
  encodeFrameHead,
  type Frame,
  frameHeaderBytesMax,
  readFrames,
} from "../../src/media/frames.ts";

function encode(header: object, body = ""): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([encodeFrameHead(header, bytes.length), bytes]);
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<readonly [unknown, string][]> {
  const frames = await Array.fromAsync<Frame>(readFrames(source, 100));
  return frames.map(({ header, body }) => [header, Buffer.from(body).toString()]);
}

describe("readFrames", () => {
  const bytes = Buffer.concat([encode({ ask: "page", page: 7 }), encode({ ask: "open" }, "grüße")]);

  test.each([1, 3, 8, 1000])("reads frames that come in pieces of %d bytes", async (size) => {
    const frames = await readAll(cut(bytes, size));

    expect(frames).toEqual([
      [{ ask: "page", page: 7 }, ""],
      [{ ask: "open" }, "grüße"],
    ]);
  });

  test("stops quietly when the stream ends within a frame", async () => {
    const frames = await readAll(cut(bytes.subarray(0, -1), 16));

    expect(frames).toEqual([[{ ask: "page", page: 7 }, ""]]);
  });

  test("refuses a body or a header beyond its limit before it reserves memory", async () => {
    const longBody = encodeFrameHead({}, 101);
    const longHeader = encodeFrameHead({ a: "b".repeat(frameHeaderBytesMax) }, 0);

    const errors = await Promise.all(
      [longBody, longHeader].map((head) =>
        readAll(cut(head, 1000)).catch((error: unknown) => error),
      ),
    );

    expect(errors[0]).toBeInstanceOf(RangeError);
    expect(errors[1]).toBeInstanceOf(RangeError);
  });
});
