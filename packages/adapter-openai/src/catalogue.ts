import { z } from "zod";

import { callErrors } from "./call-errors.ts";
import { withCall } from "./call.ts";
import type { OpenAiConfig } from "./options.ts";

/** What a server says about one model. */
export interface CatalogueEntry {
  readonly present: boolean;
  /** Whether it reads pictures; absent where the server does not say. */
  readonly images?: boolean;
}

/** How long the server may take to tell what it has. */
const catalogueMs = 5_000;

const listSchema = z.object({
  data: z.array(z.object({ id: z.string() })),
  // What llama.cpp's server says beside the list; others say nothing.
  models: z
    .array(z.object({ name: z.string(), capabilities: z.array(z.string()).optional() }))
    .optional()
    .catch(undefined),
});

/** Looks the model up in the server's list. */
export async function readCatalogueEntry(
  config: OpenAiConfig,
  signals: readonly AbortSignal[],
): Promise<CatalogueEntry> {
  const list = await withCall({ config, signals, form: "document" }, async ({ client, watch }) => {
    watch.allowSilence("catalogue", catalogueMs);
    return listSchema.safeParse(await client.get("/models"));
  });
  if (!list.success) throw callErrors.toStreamError(config.resource, "answer_unreadable");
  const { data, models = [] } = list.data;
  const present = data.some(({ id }) => id === config.model);
  const capabilities = models.find(({ name }) => name === config.model)?.capabilities;
  return capabilities === undefined
    ? { present }
    : { present, images: capabilities.includes("multimodal") };
}
