import { join } from "node:path";

import { answerAs, models } from "./fake-ollama.ts";
import { root } from "./worker-bench.ts";

/** A request that the server got. */
export interface OpenAiRequest {
  readonly kind: "chat" | "models" | "other";
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A server that speaks chat completions, over real HTTP. */
export interface FakeOpenAi extends AsyncDisposable {
  /** Ends in `/v1`. */
  readonly url: string;
  readonly requests: readonly OpenAiRequest[];
}

interface ServerModule {
  startOpenAiServer(
    this: void,
    options: {
      readonly models: object;
      readonly answer: (request: OpenAiRequest) => string;
    },
  ): Promise<FakeOpenAi>;
}

/** Starts the server that the OpenAI adapter's own tests use, with the models that the fake Ollama has. */
export async function startFakeOpenAi(): Promise<FakeOpenAi> {
  // By its path: what a package's tests use is no entry point of the package.
  const path = join(root, "packages/adapter-openai/test/openai-server.ts");
  const { startOpenAiServer } = (await import(path)) as ServerModule;
  return await startOpenAiServer({
    models: {
      object: "list",
      data: Object.values(models).map((id) => ({ id, object: "model", owned_by: "test" })),
    },
    answer: ({ body }) => answerAs(body["model"], schemaOf(body)),
  });
}

function schemaOf(body: OpenAiRequest["body"]): unknown {
  const format = body["response_format"] as
    { readonly json_schema: { readonly schema: unknown } } | undefined;
  return format?.json_schema.schema;
}
