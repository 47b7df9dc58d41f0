import type { ModelMessage, ModelRequest } from "@leasehold/model";

import type { OllamaProfile } from "./profile.ts";

/** The request as its model wants to be asked: where instructions stand, and how JSON is asked for. */
export function placePrompt(request: ModelRequest, profile: OllamaProfile): ModelRequest {
  const { fixedPrompt, instructions, jsonMode } = profile;
  if (request.messages.length === 0) return request;
  const { schema, messages, ...rest } = request;
  if (fixedPrompt !== "") return { ...rest, messages: [askInOneSentence(fixedPrompt, messages)] };
  const isInWords = schema !== undefined && jsonMode === "words";
  const complete = isInWords ? [...messages, askForJson(schema)] : messages;
  return {
    ...rest,
    messages: instructions === "user" ? foldInstructions(complete) : complete,
    ...(schema === undefined || isInWords ? {} : { schema }),
  };
}

/** The pictures, and the one sentence that the model was trained on. */
function askInOneSentence(content: string, messages: readonly ModelMessage[]): ModelMessage {
  const images = messages.flatMap((message) => message.images ?? []);
  return { role: "user", content, images };
}

function askForJson(schema: Readonly<Record<string, unknown>>): ModelMessage {
  return {
    role: "system",
    content: `Answer with one JSON document that fits this JSON Schema, and with nothing else:\n${JSON.stringify(schema)}`,
  };
}

/** Puts every instruction before what the user says next, or after what he said last. */
function foldInstructions(messages: readonly ModelMessage[]): readonly ModelMessage[] {
  const folded: ModelMessage[] = [];
  let waiting: readonly string[] = [];
  for (const message of messages) {
    if (message.role === "system") waiting = [...waiting, message.content];
    else if (message.role === "assistant") folded.push(message);
    else {
      folded.push({ ...message, content: [...waiting, message.content].join("\n\n") });
      waiting = [];
    }
  }
  const last = folded.at(-1);
  if (waiting.length === 0) return folded;
  if (last?.role !== "user") return [...folded, { role: "user", content: waiting.join("\n\n") }];
  const content = [last.content, ...waiting].join("\n\n");
  return [...folded.slice(0, -1), { ...last, content }];
}
