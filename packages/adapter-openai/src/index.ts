export { type OpenAiBaseUrl, parseOpenAiBaseUrl } from "./base-url.ts";
export { createOpenAiAdapter, type OpenAiAdapterOptions } from "./openai-adapter.ts";
export { createOpenAiModel, openAiAdapterVersion } from "./openai-model.ts";
export {
  type OpenAiFetch,
  openAiLimits,
  type OpenAiLimits,
  type OpenAiModelOptions,
  openAiProfile,
  type OpenAiProfile,
} from "./options.ts";
