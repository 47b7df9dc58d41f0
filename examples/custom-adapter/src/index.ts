export { createTextServiceAdapter } from "./text-service-adapter.ts";
export type { TextServiceAdapterOptions } from "./text-service-adapter.ts";
export { createTextServiceModel } from "./text-service-model.ts";
export type { TextServiceOptions } from "./text-service-model.ts";
