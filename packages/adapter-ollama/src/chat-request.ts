import { ModelError, type ModelMessage, type ModelRequest } from "@leasehold/model";
import { findRequestMisuse, hasImages, listImages, toBase64 } from "@leasehold/model/http";

import type { OllamaConfig } from "./options.ts";

/** The body of `POST /api/chat` as the server reads it, with fields that the client's types lack. */
export interface OllamaBody<Options> {
  model: string;
  messages: OllamaChatMessage[];
  stream: true;
  think: false;
  /** Ollama would cut a long prompt in silence. */
  truncate: false;
  /** Ollama would forget the beginning of the prompt while it answers. */
  shift: false;
  keep_alive: string | number;
  options: Options;
  format?: object;
}

interface OllamaChatMessage {
  role: string;
  content: string;
  images?: string[];
}

/** The body that loads a model. */
export type OllamaLoadBody = OllamaBody<{ num_ctx: number }>;

/** The body that asks for an answer. */
export type OllamaChatBody = OllamaBody<{
  num_ctx: number;
  num_predict: number;
  temperature: number;
  seed?: number;
}>;

/**
 * The body that loads the model and asks for nothing.
 *
 * Window and `shift` are those of every later call: with others, Ollama would load the model once more.
 */
export function toLoadBody({ model, profile }: OllamaConfig): OllamaLoadBody {
  return {
    model,
    messages: [],
    stream: true,
    think: profile.think,
    truncate: false,
    shift: false,
    keep_alive: profile.keepAlive,
    options: { num_ctx: profile.numCtx },
  };
}

/** The body for a request: a copy through and through, because the client writes into what it is given. */
export function toChatBody(request: ModelRequest, config: OllamaConfig): OllamaChatBody {
  const { profile } = config;
  return {
    ...toLoadBody(config),
    messages: request.messages.map(toChatMessage),
    options: {
      num_ctx: profile.numCtx,
      num_predict: Math.min(request.outputTokensMax, profile.numPredict),
      temperature: request.temperature ?? profile.temperature,
      ...(request.seed === undefined ? {} : { seed: request.seed }),
    },
    ...(request.schema === undefined ? {} : { format: request.schema }),
  };
}

function toChatMessage({ role, content, images = [] }: ModelMessage): OllamaChatMessage {
  return {
    role,
    content,
    ...(images.length === 0 ? {} : { images: images.map(toBase64) }),
  };
}

/** Refuses what cannot work before anything is sent. */
export function checkChatRequest(request: ModelRequest, config: OllamaConfig): void {
  const { resource } = config;
  const problem = findRequestMisuse(request);
  if (problem !== undefined) {
    throw new ModelError("config_invalid", `Ollama (${resource}): ${problem}.`, {
      scope: "config",
      retryable: false,
      adapterCode: "request_invalid",
    });
  }
  if (!config.imagesExpected && hasImages(request)) {
    throw new ModelError(
      "model_unsuitable",
      `Ollama (${resource}): the model is not set up to read pictures; see imagesExpected.`,
      { scope: "config", retryable: false, adapterCode: "images_unexpected" },
    );
  }
  const { numCtx, numPredict } = config.profile;
  const tokens =
    estimateInputTokens(request, config) + Math.min(request.outputTokensMax, numPredict);
  if (tokens > numCtx) {
    throw new ModelError(
      "input_too_large",
      `Ollama (${resource}): about ${tokens} tokens do not fit a window of ${numCtx}.`,
      { scope: "job", retryable: false, adapterCode: "context_estimate_exceeded" },
    );
  }
}

/** Characters of one token: rather too few than too many. What passes this estimate is counted by the server. */
const charactersPerToken = 3;

/** Says roughly how many tokens prompt and pictures take. */
export function estimateInputTokens(request: ModelRequest, { profile }: OllamaConfig): number {
  const patch = profile.imagePatchPixels;
  const text = request.messages.reduce((sum, { content }) => sum + content.length, 0);
  const pictures = listImages(request).reduce(
    (sum, { width, height }) => sum + Math.ceil(width / patch) * Math.ceil(height / patch),
    0,
  );
  return Math.ceil(text / charactersPerToken) + pictures;
}
