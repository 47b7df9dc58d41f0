export { type OllamaBaseUrl, parseOllamaBaseUrl } from "./base-url.ts";
export {
  inspectOllama,
  type InspectOllamaOptions,
  type OllamaCheck,
  type OllamaFinding,
} from "./inspect-ollama.ts";
export { createOllamaAdapter, type OllamaAdapterOptions } from "./ollama-adapter.ts";
export { createOllamaModel, ollamaAdapterVersion } from "./ollama-model.ts";
export {
  createOllamaServer,
  type OllamaLoadedModel,
  type OllamaPullProgress,
  type OllamaServer,
  type OllamaServerOptions,
  type OllamaStoredModel,
} from "./ollama-server.ts";
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
