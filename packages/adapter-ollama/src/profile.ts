/**
 * How one model is run. Data only.
 *
 * Everything here is fixed per model: Ollama loads a model anew when `numCtx` differs from the call before.
 */
export interface OllamaProfile {
  /** Tokens of the window that prompt, pictures and answer share. */
  readonly numCtx: number;
  /** Upper bound of an answer in tokens, whatever a request asks for. */
  readonly numPredict: number;
  /** How long the model stays loaded after a call: seconds or a text such as `10m`; negative is for ever; never 0. */
  readonly keepAlive: string | number;
  /** Thinking models must not think: the thoughts would take the place of the answer. */
  readonly think: false;
  /** Used when a request names none. */
  readonly temperature: number;
  /** Side of the square of pixels that costs one token; for the estimate before a call. */
  readonly imagePatchPixels: number;
  /**
   * Pixels of the longer side of a picture, beyond which the model gains nothing and may fail.
   *
   * For whoever prepares pictures, as `longSidePixels`: a model sends what it is given.
   */
  readonly imageSide: number;
  /** Where instructions stand: in a message of their own, or before the user's, for models that know no other. */
  readonly instructions: "system" | "user";
  /**
   * All that the model is told, whatever the request says: some models read pages and know one sentence only.
   *
   * Empty: what the request says.
   */
  readonly fixedPrompt: string;
  /** How an answer in JSON is had: enforced while decoding, or asked for in words and checked afterwards. */
  readonly jsonMode: "schema" | "words";
}

/** For models that assess texts: about fifteen pages, task and criteria included. */
export const ollamaTextProfile: OllamaProfile = Object.freeze({
  numCtx: 16384,
  numPredict: 4096,
  keepAlive: "10m",
  think: false,
  temperature: 0,
  imagePatchPixels: 28,
  imageSide: 1536,
  instructions: "system",
  fixedPrompt: "",
  jsonMode: "schema",
});

/** For models that read pictures: one page a call, whose answer may be long. */
export const ollamaVisionProfile: OllamaProfile = Object.freeze({
  ...ollamaTextProfile,
  numCtx: 8192,
});

/** What is known of models by their names, in the order in which it is looked at. */
export const ollamaKnownModels: readonly KnownModel[] = Object.freeze([
  // Readers of pages that were trained on one sentence, and answer oddly or not at all to another.
  { name: "glm-ocr", profile: { fixedPrompt: "Text Recognition:" } },
  { name: "deepseek-ocr", profile: { fixedPrompt: "Free OCR." } },
  { name: "qwen3-vl", profile: { imagePatchPixels: 32 } },
  // Larger pictures are known to break the process that runs it.
  { name: "mistral-small3.1", profile: { imageSide: 1024 } },
  { name: "mistral-small3.2", profile: { imageSide: 1024 } },
]);

/** What differs for the models of a name, whatever their size. */
export interface KnownModel {
  /** As before the colon; a registry or a namespace before it does not matter. */
  readonly name: string;
  readonly profile: Partial<OllamaProfile>;
}

/** The profile of a model: what is known of its name over what fits its purpose. */
export function findOllamaProfile(model: string, purpose: "text" | "vision"): OllamaProfile {
  const name = /([^/:]+)(:[^/]*)?$/.exec(model)?.[1]?.toLowerCase();
  const known = ollamaKnownModels.find((entry) => entry.name === name);
  const profile = purpose === "vision" ? ollamaVisionProfile : ollamaTextProfile;
  return Object.freeze({ ...profile, ...known?.profile });
}
