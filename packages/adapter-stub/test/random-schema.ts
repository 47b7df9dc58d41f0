type Schema = Readonly<Record<string, unknown>>;

/** A schema of any shape that the stub claims to answer; the same for the same seed. */
export function createRandomSchema(seed: number): Schema {
  let state = (seed * 7_919) % 2_147_483_647;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
  const maybe = (schema: Schema): Schema => (below(2) === 0 ? schema : {});
  const some = <Item>(item: () => Item): Item[] => Array.from({ length: 1 + below(3) }, item);

  const scalars: readonly (() => Schema)[] = [
    () => ({ type: "null" }),
    () => ({ type: "boolean" }),
    () => ({ const: ["x", 3, true, null][below(4)] }),
    () => ({ enum: [`a${below(9)}`, below(9), null].slice(below(3)) }),
    () => {
      const minimum = below(200) - 100;
      return { type: "integer", ...maybe({ minimum }), ...maybe({ maximum: minimum + below(50) }) };
    },
    () => {
      const exclusiveMinimum = (below(2_000) - 1_000) / 100;
      const maximum = exclusiveMinimum + 0.5 + below(9);
      return { type: "number", ...maybe({ exclusiveMinimum }), ...maybe({ maximum }) };
    },
    () => ({ type: "integer", multipleOf: 1 + below(12), ...maybe({ minimum: below(300) }) }),
    () => {
      const minLength = below(80);
      return {
        type: "string",
        ...maybe({ minLength }),
        ...maybe({ maxLength: minLength + below(80) }),
      };
    },
    () => ({ type: "string", pattern: `^[a-f]{${below(4)},${4 + below(4)}}(x|yz)*$` }),
    () => ({ type: "string", format: ["uuid", "date", "email", "ipv4"][below(4)] }),
    () => ({ type: ["string", "integer", "null"].slice(below(3)) }),
  ];

  function container(depth: number): Schema {
    const choice = below(5);
    if (choice === 0) {
      const minItems = below(4);
      const maxItems = minItems + below(4);
      return {
        type: "array",
        items: make(depth + 1),
        ...maybe({ minItems }),
        ...maybe({ maxItems }),
      };
    }
    if (choice === 1) {
      return { type: "array", prefixItems: some(() => make(depth + 1)), items: false };
    }
    if (choice === 2) return { anyOf: some(() => make(depth + 1)) };
    if (choice === 3) return { type: "object", additionalProperties: make(depth + 1) };
    const entries = some(() => [`p${below(30)}`, make(depth + 1)] as const);
    const properties = Object.fromEntries(entries);
    const required = Object.keys(properties).filter(() => below(2) === 0);
    return { type: "object", properties, required, ...maybe({ additionalProperties: false }) };
  }

  function make(depth: number): Schema {
    if (depth < 4 && below(3) > 0) return container(depth);
    return scalars[below(scalars.length)]?.() ?? {};
  }

  return make(0);
}
