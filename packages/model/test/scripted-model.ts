import type {
  ModelCapabilities,
  ModelContext,
  ModelRequest,
  ModelResponse,
  ModelV1,
} from "@leasehold/model";

/** What a scripted model does on one call: says a text, gives parts of a response, or fails. */
export type Line = string | Partial<ModelResponse> | Error;

export interface ScriptedModel extends ModelV1 {
  readonly requests: readonly ModelRequest[];
}

/** A model that says the given lines in order and remembers what it was asked. */
export function createScriptedModel(
  lines: readonly Line[],
  capabilities: Partial<ModelCapabilities> = {},
): ScriptedModel {
  const requests: ModelRequest[] = [];
  return {
    specVersion: "v1",
    name: "scripted",
    version: "1",
    resource: "test",
    capabilities: {
      images: true,
      structuredOutput: "grammar",
      deterministic: false,
      local: true,
      ...capabilities,
    },
    requests,
    async generate(request, context) {
      context.progress({ stage: "queued" });
      const line = lines[requests.length];
      requests.push(request);
      if (line === undefined) throw new Error("the script is over");
      if (line instanceof Error) throw line;
      return {
        text: "",
        finish: "stop",
        usage: { inputTokens: 10, outputTokens: 5 },
        durationMs: 7,
        provenance: { adapter: "scripted", model: "tiny", options: { temperature: 0 } },
        ...(typeof line === "string" ? { text: line } : line),
      };
    },
  };
}

/** A context that nobody aborts and that has time enough. */
export function createContext(overrides: Partial<ModelContext> = {}): ModelContext {
  return {
    signal: new AbortController().signal,
    deadlineAt: performance.now() + 60_000,
    progress() {},
    ...overrides,
  };
}
