import { callErrors } from "./call-errors.ts";

/** What is known of an answer before its first event. */
export interface EventsOptions {
  readonly resource: string;
  readonly contentType: string | null;
}

/**
 * Lets the events of an answer through to the client, and what is none of them not.
 *
 * The client would take a document for a stream without events, keep an event without end in memory and pass on what the
 * runtime says about a broken connection. All three become our errors.
 */
export function checkEvents(
  body: ReadableStream<Uint8Array>,
  { resource, contentType }: EventsOptions,
): Response {
  if (contentType?.toLowerCase().startsWith(eventStream) !== true) {
    // Nobody will read it, and a server that goes on writing must hear of it.
    body.cancel().catch(() => {});
    throw callErrors.toStreamError(resource, "answer_unreadable");
  }
  const reader = body.getReader();
  const meter = createEventMeter();
  const checked = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await readChunk(reader, resource);
        if (done || value === undefined) {
          controller.close();
          return;
        }
        if (meter.measure(value) > eventBytesMax) {
          reader.cancel().catch(() => {});
          throw callErrors.toStreamError(resource, "answer_too_large");
        }
        controller.enqueue(value);
      },
      async cancel() {
        await reader.cancel();
      },
    },
    // Nothing is read before the client asks for it, so nothing is pending when a call is given up.
    { highWaterMark: 0 },
  );
  return new Response(checked, { headers: { "content-type": eventStream } });
}

const eventStream = "text/event-stream";

/** Bytes of one event: an event is one token, or at most a whole answer. */
const eventBytesMax = 1_048_576;

interface Chunk {
  readonly done: boolean;
  readonly value?: Uint8Array | undefined;
}

async function readChunk(reader: { read(): Promise<Chunk> }, resource: string): Promise<Chunk> {
  try {
    return await reader.read();
  } catch (thrown) {
    const error = callErrors.toTransportError(resource, thrown);
    // After the first byte the server was there: what is lost is the answer.
    throw error.code === "backend_unreachable"
      ? callErrors.toStreamError(resource, "answer_cut")
      : error;
  }
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Counts the bytes of the event that is being read: a blank line ends one. */
function createEventMeter(): { measure(bytes: Uint8Array): number } {
  let count = 0;
  let isLineEmpty = true;
  return {
    measure(bytes) {
      for (const byte of bytes) {
        count = byte === lineFeed && isLineEmpty ? 0 : count + 1;
        if (byte !== carriageReturn) isLineEmpty = byte === lineFeed;
      }
      return count;
    },
  };
}
