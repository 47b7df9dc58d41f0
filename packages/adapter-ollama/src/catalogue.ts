import { ModelError } from "@leasehold/model";
import { z } from "zod";

import { toStreamError } from "./call-errors.ts";
import { withCall } from "./call.ts";
import { cloudProblem, type OllamaConfig, type OllamaTarget } from "./options.ts";

/** What a server says about one model. */
export interface CatalogueEntry {
  readonly present: boolean;
  /** The hash of its content. */
  readonly digest?: string;
  /** The server only forwards to another one. */
  readonly remote: boolean;
}

/** How long the server may take to tell what it has. */
export const catalogueMs = 5000;

const tagsSchema = z.object({
  models: z
    .array(
      z.object({
        name: z.string(),
        digest: z.string().optional(),
        remote_host: z.string().optional(),
        remote_model: z.string().optional(),
      }),
    )
    // A server without models says null.
    .nullable(),
});

/** Looks the model up in the server's list. */
export async function readCatalogueEntry(
  config: OllamaConfig,
  signals: readonly AbortSignal[],
): Promise<CatalogueEntry> {
  const tags = await withCall({ config, signals, form: "document" }, async ({ client, watch }) => {
    watch.allowSilence("catalogue", catalogueMs);
    return tagsSchema.safeParse(await client.list());
  });
  if (!tags.success) throw toStreamError(config.resource, "answer_unreadable");
  const wanted = toFullName(config.model);
  const entry = tags.data.models?.find(({ name }) => toFullName(name) === wanted);
  if (entry === undefined) return { present: false, remote: false };
  const remote = (entry.remote_host ?? "") !== "" || (entry.remote_model ?? "") !== "";
  // Goes beside every result, so it must be a hash and nothing else.
  return entry.digest !== undefined && /^(sha256:)?[0-9a-f]{12,64}$/.test(entry.digest)
    ? { present: true, digest: entry.digest, remote }
    : { present: true, remote };
}

/** Asks for the version. A server that answers it is there, and is an Ollama. */
export async function readVersion(
  config: OllamaTarget,
  signals: readonly AbortSignal[],
): Promise<string> {
  const answer: unknown = await withCall(
    { config, signals, form: "document" },
    async ({ client, watch }) => {
      watch.allowSilence("catalogue", catalogueMs);
      return client.version();
    },
  );
  const { data } = z.object({ version: z.string() }).safeParse(answer);
  if (data === undefined) throw toStreamError(config.resource, "answer_unreadable");
  return data.version;
}

/** Refuses a model that would carry learners' work out of the private network. */
export function refuseRemote({ remote }: CatalogueEntry, config: OllamaConfig): void {
  if (!remote || config.cloudAllowed) return;
  throw new ModelError("config_invalid", `Ollama (${config.resource}): ${cloudProblem}.`, {
    scope: "config",
    retryable: false,
    adapterCode: "model_remote",
  });
}

/** `tiny` and `tiny:latest` are one model. A colon before the last slash belongs to a registry's port. */
export function toFullName(name: string): string {
  return /:[^/]*$/.test(name) ? name : `${name}:latest`;
}
