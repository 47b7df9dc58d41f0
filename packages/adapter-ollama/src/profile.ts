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
}

/** For models that assess texts: about fifteen pages, task and criteria included. */
export const ollamaTextProfile: OllamaProfile = Object.freeze({
  numCtx: 16384,
  numPredict: 4096,
  keepAlive: "10m",
  think: false,
  temperature: 0,
  imagePatchPixels: 28,
});

/** For models that read pictures: one page a call, whose answer may be long. */
export const ollamaVisionProfile: OllamaProfile = Object.freeze({
  ...ollamaTextProfile,
  numCtx: 8192,
});
