import type { ListModels, ModelListing } from "@leasehold/console-hono";

import type { LocalBackendConfig } from "./config.ts";
import { type ListedModel, listServer, openServers } from "./model-servers.ts";

/** Tells the page of the models that are asked here, server by server. */
export function listWanted(backend: LocalBackendConfig): ListModels {
  return async (signal) => {
    const lists = openServers(backend).map(({ server }) => listServer(server, backend, signal));
    // A server may have any number of models that nobody asks here.
    return (await Promise.all(lists))
      .flat()
      .filter(({ uses }) => uses.length > 0)
      .map(toListing);
  };
}

function toListing({ host, model, loaded }: ListedModel): ModelListing {
  const place = { host, model, isWarm: loaded !== undefined };
  if (loaded === undefined) return place;
  const { bytes, gpuBytes, contextLength } = loaded;
  return { ...place, bytes, gpuBytes, ...(contextLength === undefined ? {} : { contextLength }) };
}
