import type { ModelContext, ModelV1 } from "./model.ts";

/**
 * The same model as a plain object, for whoever wraps one: spread it, and put other members over its own. A model may be
 * a class, whose methods do not come along when it is spread itself. It can prepare or be probed where the model can.
 */
export function forwardModel(model: ModelV1): ModelV1 {
  const { specVersion, name, version, capabilities, resource, concurrency } = model;
  return {
    specVersion,
    name,
    version,
    capabilities,
    resource,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(model.prepare === undefined
      ? {}
      : { prepare: async (context: ModelContext) => await model.prepare?.(context) }),
    generate: (request, context) => model.generate(request, context),
    ...(model.probe === undefined
      ? {}
      : {
          probe: async (signal: AbortSignal) => (await model.probe?.(signal)) ?? { status: "ok" },
        }),
    close: async () => await model.close?.(),
  };
}
