import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";

import { type Problem, problemSchema } from "./problem.ts";

/** What OpenAPI is told of one answer. */
type Described<ContentType extends string, Schema extends z.ZodType> = {
  description: string;
  content: { [Name in ContentType]: { schema: Schema } };
};

/**
 * The answers of a route: what it answers, and how it refuses.
 *
 * No interface: the library takes what has an index, which an interface has not.
 */
export type Answers<Schema extends z.ZodType> = {
  200: Described<"application/json", Schema>;
  default: Described<"application/problem+json", z.ZodType<Problem>>;
};

export function answers<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
): Answers<Schema> {
  return {
    200: { description, content: { "application/json": { schema } } },
    default: {
      description: "What was refused or went wrong, and what to do.",
      content: { "application/problem+json": { schema: problemSchema } },
    },
  };
}

/** What OpenAPI is told of a body. */
export type JsonBody<Schema extends z.ZodType> = {
  required: true;
  content: { "application/json": { schema: Schema } };
};

export function body<Schema extends z.ZodType>(schema: Schema): JsonBody<Schema> {
  return { required: true, content: { "application/json": { schema } } };
}

/**
 * Makes of what core answers what the document promises, and drops what it does not name: what core tells tomorrow is not
 * shown before somebody has thought of it.
 */
export function show<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const plain: unknown = JSON.parse(JSON.stringify(value));
  return schema.parse(plain);
}

/** An answer of this status, as JSON of its own kind. */
export function answerJson(
  text: string,
  status: ContentfulStatusCode,
  contentType: string,
): Response {
  return new Response(text, { status, headers: { "Content-Type": contentType } });
}
