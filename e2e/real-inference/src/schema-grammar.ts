/** The part of JSON Schema that our programs use. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A schema that no grammar can be made of; Ollama says no to some, too. */
export class SchemaUnsupported extends Error {}

/**
 * Turns a JSON Schema into a grammar of llama.cpp.
 *
 * An upper bound of a text's length is left out, as far as it is in Ollama where it is large: the bound would make the
 * grammar slow, and the worker checks every answer itself.
 */
export function toGrammar(schema: JsonSchema): string {
  const rules: string[] = [];
  const add = (body: string): string => {
    rules.push(`r${rules.length} ::= ${body}`);
    return `r${rules.length - 1}`;
  };
  const root = toRule(schema, add);
  return [
    `root ::= ${root}`,
    ...rules,
    String.raw`char ::= [^"\\\x00-\x1f] | "\\" ["\\/bfnrt]`,
    `number ::= "-"? ("0" | [1-9] [0-9]{0,8}) ("." [0-9]{1,6})?`,
    `integer ::= "-"? ("0" | [1-9] [0-9]{0,8})`,
    `boolean ::= "true" | "false"`,
  ].join("\n");
}

type AddRule = (body: string) => string;

function toRule(schema: JsonSchema, add: AddRule): string {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) {
    return add(alternatives.map((each) => toRule(each, add)).join(" | "));
  }
  if (schema.const !== undefined) return add(toLiteral(schema.const));
  if (schema.enum !== undefined) return add(schema.enum.map(toLiteral).join(" | "));
  switch (schema.type) {
    case "object":
      return add(toObject(schema, add));
    case "array":
      return add(toArray(schema, add));
    case "string":
      return add(String.raw`"\"" char{${schema.minLength ?? 0},} "\""`);
    case "integer":
      return add(toInteger(schema));
    case "number":
    case "boolean":
      return schema.type;
    default:
      throw new SchemaUnsupported(`no grammar for type ${String(schema.type)}`);
  }
}

function toLiteral(value: unknown): string {
  const text = JSON.stringify(value).replaceAll(/["\\]/g, String.raw`\$&`);
  return `"${text}"`;
}

function toObject({ properties = {}, required = [] }: JsonSchema, add: AddRule): string {
  const members = Object.entries(properties).map(([name, schema]) => {
    if (!required.includes(name)) throw new SchemaUnsupported(`${name} may be absent`);
    return `${toLiteral(name)} ":" ${toRule(schema, add)}`;
  });
  return ['"{"', members.join(' "," '), '"}"'].join(" ");
}

function toArray({ items = {}, minItems = 0, maxItems }: JsonSchema, add: AddRule): string {
  if (maxItems === 0) return '"[" "]"';
  const item = toRule(items, add);
  const more = `("," ${item}){${Math.max(0, minItems - 1)},${maxItems === undefined ? "" : maxItems - 1}}`;
  return minItems > 0 ? `"[" ${item} ${more} "]"` : `"[" (${item} ${more})? "]"`;
}

/** Integers within narrow bounds are spelled out: a grammar cannot compare. */
function toInteger({ minimum, maximum }: JsonSchema): string {
  if (minimum === undefined || maximum === undefined || maximum - minimum > 100) return "integer";
  const values = Array.from({ length: maximum - minimum + 1 }, (_, index) => minimum + index);
  return values.map(toLiteral).join(" | ");
}
