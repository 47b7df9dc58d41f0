import { createHash } from "node:crypto";

import { ModelError, type ModelImage, type ModelRequest } from "@leasehold/model";

import { createDraw } from "./draw.ts";
import { inventAnswer, typesAtTop } from "./invent-answer.ts";
import { measureImage } from "./measure-image.ts";

/** What an answer may be spoiled by, at the request of a script. */
export type Spoil = "invalid" | "truncated";

/** The whole text that answers a request: JSON for a schema, otherwise a statement of what was sent. */
export function answerRequest(request: ModelRequest, spoil: Spoil | undefined): string {
  const statements = listImages(request).map(stateImage);
  const { schema } = request;
  if (schema !== undefined) {
    if (spoil === "invalid") return breakSchema(schema);
    return JSON.stringify(inventAnswer(schema, createDraw(hashRequest(request))));
  }
  if (spoil === "invalid") return "";
  return statements.length > 0 ? stateImages(statements) : stateProse(request);
}

/** Counts as a backend would, in its own way: a token for every four characters that were said. */
export function countTokens(texts: readonly string[]): number {
  return Math.ceil(texts.reduce((total, text) => total + text.length, 0) / charactersPerToken);
}

/** Characters that {@link countTokens} counts as one. */
export const charactersPerToken = 4;

function listImages({ messages }: ModelRequest): readonly ModelImage[] {
  return messages.flatMap(({ images = [] }) => images);
}

function stateImage({ bytes }: ModelImage): string {
  if (!(bytes instanceof Uint8Array)) {
    throw new ModelError("input_corrupt", "A picture must come as bytes.", {
      scope: "job",
      retryable: false,
    });
  }
  const { mediaType, width, height, hasExif } = measureImage(bytes);
  const exif = hasExif ? "present" : "absent";
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return `[stub vision] ${mediaType} ${width}x${height} exif=${exif} sha256=${sha256}`;
}

function stateImages(statements: readonly string[]): string {
  return [
    "This text is synthetic: the stub looked at no picture, it only measured what it was sent.",
    "",
    `[stub vision] images=${statements.length}`,
    ...statements,
  ].join("\n");
}

function stateProse(request: ModelRequest): string {
  const { messages } = request;
  const characters = messages.reduce((total, { content }) => total + content.length, 0);
  return [
    "This text is synthetic: the stub made it from a hash, and no model read or judged anything.",
    "",
    `[stub prose] messages=${messages.length} characters=${characters} sha256=${hashRequest(request)}`,
  ].join("\n");
}

/** An answer that no schema of this kind allows. What allows everything is broken only by what is no JSON. */
function breakSchema(schema: Readonly<Record<string, unknown>>): string {
  const types = typesAtTop(schema);
  if (!types.includes("array")) return "[]";
  return types.includes("object") ? "This is no JSON." : "{}";
}

/** What decides an answer: the messages, the pictures' bytes and the schema; not the seed, so that a retry says the same. */
function hashRequest({ messages, schema }: ModelRequest): string {
  const said = messages.map(({ role, content, images = [] }) => [
    role,
    content,
    ...images.map(({ bytes }) => createHash("sha256").update(bytes).digest("hex")),
  ]);
  return createHash("sha256")
    .update(JSON.stringify([said, schema ?? null]))
    .digest("hex");
}
