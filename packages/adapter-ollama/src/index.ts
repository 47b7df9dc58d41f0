export { type OllamaBaseUrl, parseOllamaBaseUrl } from "./base-url.ts";
export { createOllamaAdapter, type OllamaAdapterOptions } from "./ollama-adapter.ts";
export { createOllamaModel, ollamaAdapterVersion } from "./ollama-model.ts";
export {
  ollamaCloudOrigin,
  type OllamaFetch,
  ollamaLimits,
  type OllamaLimits,
  type OllamaModelOptions,
} from "./options.ts";
export {
  findOllamaProfile,
  type KnownModel,
  ollamaKnownModels,
  type OllamaProfile,
  ollamaTextProfile,
  ollamaVisionProfile,
} from "./profile.ts";
