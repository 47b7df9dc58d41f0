import { createStubModel } from "@leasehold/adapter-stub";
import { ModelError, type ModelErrorCode, type ModelMessage, type ModelV1 } from "@leasehold/model";

/** A text service that listens. Disposing it ends it and every call. */
export interface TextService extends AsyncDisposable {
  readonly url: string;
}

/**
 * Starts a text service for tests: real HTTP before a stub, which answers any schema and acts out what a text tells it
 * to, such as `[[stub: hang]]`.
 */
export function startTextService(): TextService {
  const stub = createStubModel({ markers: true });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    // A call that hangs on purpose is ended by its caller.
    idleTimeout: 0,
    routes: {
      "/health": new Response("ok"),
      "/generate": { POST: (request) => answer(stub, request) },
    },
  });
  return { url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** What the model sends: see `toBody` there. */
interface Body {
  readonly model: string;
  readonly messages: readonly {
    readonly role: ModelMessage["role"];
    readonly content: string;
    readonly images: readonly string[];
  }[];
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly outputTokensMax: number;
}

async function answer(stub: ModelV1, request: Request): Promise<Response> {
  const { messages, ...rest } = (await request.json()) as Body;
  const context = { signal: request.signal, deadlineAt: Infinity, progress() {} };
  try {
    const said = await stub.generate({ ...rest, messages: messages.map(toMessage) }, context);
    return Response.json({
      text: said.text,
      isWhole: said.finish === "stop",
      inputTokens: said.usage.inputTokens ?? 0,
      outputTokens: said.usage.outputTokens ?? 0,
      digest: "sha256:0123456789abcdef",
    });
  } catch (error) {
    if (!ModelError.is(error)) throw error;
    return new Response(null, { status: statuses[error.code] ?? 500 });
  }
}

const statuses: Readonly<Partial<Record<ModelErrorCode, number>>> = {
  backend_busy: 429,
  input_corrupt: 422,
  input_unsupported: 422,
  model_missing: 404,
};

function toMessage({ role, content, images }: Body["messages"][number]): ModelMessage {
  return {
    role,
    content,
    // The stub measures pictures by itself.
    images: images.map((text) => ({
      mediaType: "image/png",
      width: 1,
      height: 1,
      bytes: Buffer.from(text, "base64"),
    })),
  };
}
