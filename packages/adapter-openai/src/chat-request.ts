import { ModelError, type ModelMessage, type ModelRequest } from "@leasehold/model";
import { findRequestMisuse, hasImages, toBase64 } from "@leasehold/model/http";
import type { OpenAI } from "openai";

import type { OpenAiConfig } from "./options.ts";

/** The body of `POST /chat/completions`. */
export type OpenAiChatBody = OpenAI.Chat.ChatCompletionCreateParamsStreaming;

/** The body for a request: a copy through and through, because the client must not write into what it is given. */
export function toChatBody(request: ModelRequest, config: OpenAiConfig): OpenAiChatBody {
  const { messages, schema, seed, temperature = config.profile.temperature } = request;
  return {
    model: config.model,
    messages: messages.map(toChatMessage),
    [config.profile.outputTokensField]: toOutputTokensMax(request, config),
    temperature,
    ...(seed === undefined ? {} : { seed }),
    ...(schema === undefined
      ? {}
      : {
          response_format: {
            type: "json_schema",
            json_schema: { name: "answer", strict: true, schema: structuredClone({ ...schema }) },
          },
        }),
    stream: true,
    // Without it nobody counts the tokens of a stream.
    stream_options: { include_usage: true },
  };
}

/** Tokens that a request may be answered with. */
export function toOutputTokensMax(
  { outputTokensMax }: ModelRequest,
  { profile }: OpenAiConfig,
): number {
  return Math.min(outputTokensMax, profile.outputTokensMax);
}

function toChatMessage({
  role,
  content,
  images = [],
}: ModelMessage): OpenAI.Chat.ChatCompletionMessageParam {
  if (role !== "user" || images.length === 0) return { role, content };
  return {
    role,
    content: [
      ...(content === "" ? [] : [{ type: "text", text: content } as const]),
      ...images.map((image) => {
        // The bytes themselves: an address would be fetched by the server, from wherever it points.
        const url = `data:${image.mediaType};base64,${toBase64(image)}`;
        return { type: "image_url", image_url: { url } } as const;
      }),
    ],
  };
}

/** Refuses what cannot work before anything is sent. */
export function checkChatRequest(request: ModelRequest, config: OpenAiConfig): void {
  const where = `OpenAI-style server (${config.resource})`;
  const problem = findRequestMisuse(request) ?? findMisplacedImage(request);
  if (problem !== undefined) {
    throw new ModelError("config_invalid", `${where}: ${problem}.`, {
      scope: "config",
      retryable: false,
      adapterCode: "request_invalid",
    });
  }
  if (!config.imagesExpected && hasImages(request)) {
    throw new ModelError(
      "model_unsuitable",
      `${where}: the model is not set up to read pictures; see imagesExpected.`,
      { scope: "config", retryable: false, adapterCode: "images_unexpected" },
    );
  }
  if (config.structuredOutput === "none" && request.schema !== undefined) {
    throw new ModelError(
      "model_unsuitable",
      `${where}: the model is not set up to hold to a schema; see structuredOutput.`,
      { scope: "config", retryable: false, adapterCode: "schema_unexpected" },
    );
  }
}

/** This dialect has pictures in users' messages only. */
function findMisplacedImage({ messages }: ModelRequest): string | undefined {
  const isMisplaced = messages.some(
    ({ role, images = [] }) => role !== "user" && images.length > 0,
  );
  return isMisplaced ? "only a user's message can carry a picture" : undefined;
}
