import { z } from "zod";

import { ModelError } from "./model.ts";

/** A JSON schema as it is sent to a model. The order of its properties is the order in which a model writes them. */
export type AnswerSchema = Readonly<Record<string, unknown>>;

/**
 * Turns a zod schema into the JSON schema a model is asked to fill: what it must write, not what parsing makes of it.
 *
 * Only what a grammar can hold is kept, so the answer must still be checked with the zod schema itself.
 */
export function toAnswerSchema(schema: z.ZodType): AnswerSchema {
  try {
    const { $schema: _dialect, ...answer } = z.toJSONSchema(schema, {
      io: "input",
      // Backends lose themselves in a schema that refers to itself.
      cycles: "throw",
      override: ({ jsonSchema }) => dropWhatNoGrammarHolds(jsonSchema),
    });
    return answer;
  } catch (error) {
    throw new ModelError("config_invalid", "The answer's schema has no JSON Schema form.", {
      scope: "config",
      retryable: false,
      cause: error,
    });
  }
}

/** Tells whether an answer of this schema is asked for as prose: a bare string gains nothing from JSON quotes. */
export function isProse(schema: AnswerSchema): boolean {
  return schema["type"] === "string" && schema["enum"] === undefined && !("const" in schema);
}

function dropWhatNoGrammarHolds(schema: z.core.JSONSchema.BaseSchema): void {
  // `z.int()` says the range of a double, which a grammar would spell out digit by digit.
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  // Grammars know only anchored patterns without look-around; others are ignored or refused by the backends.
  if (schema.pattern !== undefined && !/^\^(?:[^(]|\((?!\?[=!<]))*\$$/.test(schema.pattern)) {
    delete schema.pattern;
  }
}
