import type { ModelContext, ModelRequest, ModelV1 } from "@leasehold/model";

import { createOllamaHost } from "./ollama-host.ts";
import { type OllamaModelOptions, parseOllamaOptions } from "./options.ts";
import type { OllamaProfile } from "./profile.ts";

/** The version of this adapter, as it stands in its package. */
export const ollamaAdapterVersion = "0.1.0";

/**
 * A model behind an Ollama server.
 *
 * `prepare` loads it under a deadline of its own; `generate` expects it loaded, and stops the server's work for a call
 * that fails or is given up.
 */
export function createOllamaModel(options: OllamaModelOptions): ModelV1 {
  const config = parseOllamaOptions(options);
  const closing = new AbortController();
  const host = createOllamaHost(config, closing.signal);
  return Object.freeze({
    specVersion: "v1",
    name: config.name,
    version: ollamaAdapterVersion,
    capabilities: Object.freeze({
      images: config.imagesExpected,
      structuredOutput: toStructuredOutput(config.profile),
      // A seed helps, but other requests in the same batch change what comes out.
      deterministic: false,
      local: config.local,
    }),
    resource: config.resource,
    concurrency: config.concurrency,
    prepare: (context: ModelContext) => host.prepare(context),
    generate: (request: ModelRequest, context: ModelContext) => host.generate(request, context),
    probe: (signal: AbortSignal) => host.probe(signal),
    async close() {
      closing.abort();
    },
  } satisfies ModelV1);
}

function toStructuredOutput({
  fixedPrompt,
  jsonMode,
}: OllamaProfile): ModelV1["capabilities"]["structuredOutput"] {
  if (fixedPrompt !== "") return "none";
  return jsonMode === "schema" ? "grammar" : "prompt";
}
