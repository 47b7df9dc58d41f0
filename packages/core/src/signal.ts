import { WorkerError } from "./errors.ts";
import { toStorableJson } from "./json.ts";

/** What a signal may be called. */
export const signalName: RegExp = /^[a-z][a-z0-9_.-]{0,63}$/;

const payloadBytesMax = 65_536;

/** Writes a signal's payload as JSON. Throws `input_invalid` or `payload_too_large`. */
export function toSignalPayload(name: string, payload: unknown): string {
  if (!signalName.test(name)) {
    const message =
      "Not signalled: the name must match [a-z][a-z0-9_.-]* and have at most 64 characters.";
    throw new WorkerError("input_invalid", message);
  }
  const text = toJson(payload);
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes <= payloadBytesMax) return text;
  throw new WorkerError(
    "payload_too_large",
    `Not signalled: the payload has ${bytes} bytes, and ${payloadBytesMax} are allowed. Store it elsewhere and pass a reference.`,
  );
}

function toJson(payload: unknown): string {
  try {
    return toStorableJson(payload ?? null);
  } catch (cause) {
    const message = "Not signalled: the payload has no JSON form.";
    throw new WorkerError("input_invalid", message, { cause });
  }
}
