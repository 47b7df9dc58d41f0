/** One whole message of a client, and what it means to somebody who listens in. */
export interface ClientMessage {
  readonly bytes: Buffer;
  /** The text of the statement that this message runs, if it runs one. */
  readonly statement: string | undefined;
  /** Whether the server will say that it is ready once more when it is through with this message. */
  readonly asksForReady: boolean;
  /** The client would rather speak in secret, and waits for one byte as the answer. */
  readonly asksForEncryption: boolean;
}

/** One whole message of a server. */
export interface ServerMessage {
  readonly bytes: Buffer;
  /** Everything that was asked for before is done, or has failed. */
  readonly isReady: boolean;
}

/** Takes what came in, however it was cut, and gives the messages that are whole by now. */
export type MessageReader<Message> = (chunk: Buffer) => readonly Message[];

const protocolMajor = 3;
const sslRequest = 80_877_103;
const encryptionRequests: readonly number[] = [sslRequest, 80_877_104];

/** Follows the messages of one client, and remembers which statement it prepared under which name. */
export function createClientReader(): MessageReader<ClientMessage> {
  let hasStarted = false;
  const prepared = new Map<string, string>();
  const plain = { statement: undefined, asksForReady: false, asksForEncryption: false };

  const readUntyped = (bytes: Buffer): ClientMessage => {
    const code = bytes.readInt32BE(4);
    if (encryptionRequests.includes(code)) return { ...plain, bytes, asksForEncryption: true };
    // Anything else here is a request to cancel, which nobody answers.
    hasStarted = code >>> 16 === protocolMajor;
    return { ...plain, bytes, asksForReady: hasStarted };
  };

  const readTyped = (bytes: Buffer): ClientMessage => {
    switch (String.fromCharCode(bytes[0] ?? 0)) {
      case "Q":
        return { ...plain, bytes, statement: readText(bytes, 5).text, asksForReady: true };
      case "P": {
        const name = readText(bytes, 5);
        prepared.set(name.text, readText(bytes, name.end).text);
        return { ...plain, bytes };
      }
      case "B": {
        // Drivers prepare once and bind often, so this is where a statement is seen to run.
        const portal = readText(bytes, 5);
        return { ...plain, bytes, statement: prepared.get(readText(bytes, portal.end).text) };
      }
      case "S":
        return { ...plain, bytes, asksForReady: true };
      default:
        return { ...plain, bytes };
    }
  };

  return createReader(
    () => (hasStarted ? 1 : 0),
    (bytes) => (hasStarted ? readTyped(bytes) : readUntyped(bytes)),
  );
}

/** Follows the messages of one server. It must not be asked for encryption: the answer is no message. */
export function createServerReader(): MessageReader<ServerMessage> {
  return createReader(
    () => 1,
    (bytes) => ({ bytes, isReady: bytes[0] === readyForQuery }),
  );
}

const readyForQuery = "Z".charCodeAt(0);
const lengthBytes = 4;

/** A message is a type of `typeBytes()`, a length that counts itself, and the rest. */
function createReader<Message>(
  typeBytes: () => number,
  read: (bytes: Buffer) => Message,
): MessageReader<Message> {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const messages: Message[] = [];
    while (pending.length >= typeBytes() + lengthBytes) {
      const size = typeBytes() + pending.readInt32BE(typeBytes());
      if (pending.length < size) break;
      messages.push(read(pending.subarray(0, size)));
      pending = pending.subarray(size);
    }
    return messages;
  };
}

/** Reads a text that ends with a zero byte, and says where the next one begins. */
function readText(bytes: Buffer, start: number): { readonly text: string; readonly end: number } {
  const zero = bytes.indexOf(0, start);
  return { text: bytes.toString("utf8", start, zero), end: zero + 1 };
}
