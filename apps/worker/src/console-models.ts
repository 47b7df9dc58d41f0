import type { ListModels, ModelListing } from "@leasehold/console-hono";
import type { ModelUse } from "@leasehold/telemetry";

import type { LocalBackendConfig } from "./config.ts";
import { isNamed, type ListedModel, listServer, openServers } from "./model-servers.ts";

/** Tells the page of the models that are asked here, server by server, and how this process has used them. */
export function listWanted(
  backend: LocalBackendConfig,
  modelUses: () => readonly ModelUse[],
): ListModels {
  return async (signal) => {
    const lists = openServers(backend).map(({ server }) => listServer(server, backend, signal));
    const listed = (await Promise.all(lists)).flat();
    const used = modelUses();
    // A server may have any number of models that nobody asks here.
    return listed
      .filter(({ uses }) => uses.length > 0)
      .map((model) =>
        toListing(
          model,
          used.find(({ name }) => isNamed(model.model, name)),
        ),
      );
  };
}

function toListing({ host, model, loaded }: ListedModel, use: ModelUse | undefined): ModelListing {
  const { name: _name, ...seen } = use ?? {};
  const place = { host, model, isWarm: loaded !== undefined, ...seen };
  if (loaded === undefined) return place;
  const { bytes, gpuBytes, contextLength } = loaded;
  return { ...place, bytes, gpuBytes, ...(contextLength === undefined ? {} : { contextLength }) };
}
