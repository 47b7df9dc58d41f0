import type {
  ModelCapabilities,
  ModelContext,
  ModelRequest,
  ModelResponse,
  ModelV1,
} from "@leasehold/model";

/** What a fake model says, or throws. */
export type Say = (request: ModelRequest, context: ModelContext) => string | Promise<string>;

export interface FakeModelOptions {
  readonly name?: string;
  readonly resource?: string;
  readonly capabilities?: Partial<ModelCapabilities>;
  /** Default: {@link sayWhatFits}. */
  readonly say?: Say;
  /** Other parts of a response, such as how it finished. */
  readonly response?: Partial<ModelResponse>;
}

export interface FakeModel extends ModelV1 {
  /** What it was asked, in order. */
  readonly requests: readonly ModelRequest[];
  /** How often it was prepared. */
  prepared(): number;
  /** How often it was closed. */
  closed(): number;
}

/** A model that says what a test wants it to say. */
export function createFakeModel(options: FakeModelOptions = {}): FakeModel {
  const { name = "fake", resource = `test/${name}`, say = sayWhatFits } = options;
  const requests: ModelRequest[] = [];
  let prepared = 0;
  let closed = 0;
  return {
    specVersion: "v1",
    name,
    version: "1",
    resource,
    capabilities: {
      images: true,
      structuredOutput: "grammar",
      deterministic: true,
      local: true,
      ...options.capabilities,
    },
    requests,
    prepared: () => prepared,
    closed: () => closed,
    async prepare(context) {
      prepared += 1;
      context.progress({ stage: "loading" });
    },
    async generate(request, context) {
      requests.push(request);
      context.progress({ stage: "prefill" });
      const text = await say(request, context);
      return {
        text,
        finish: "stop",
        usage: { inputTokens: 10, outputTokens: 5 },
        durationMs: 7,
        provenance: {
          adapter: "fake",
          model: `${name}:latest`,
          digest: "sha256:1",
          options: { temperature: 0 },
        },
        ...options.response,
      };
    },
    async close() {
      closed += 1;
    },
  };
}

/** What the model says in prose. */
export const prose = "Du beschreibst den Bach genau und lebendig.";

/** What the model reads on a page. */
export const pageWords = "Der Bach rauscht.";

/** Judges every criterion with all points and its first segment; reads the same words on every page. */
export function sayWhatFits({ schema, messages }: ModelRequest): string {
  if (schema !== undefined) return judge(schema);
  return messages.some(({ images = [] }) => images.length > 0) ? pageWords : prose;
}

/** A judgement of every criterion that the schema asks for. */
export function judge(
  schema: Readonly<Record<string, unknown>>,
  evidence: readonly string[] = ["s1"],
): string {
  const { properties } = schema as { properties: Record<string, CriterionSchema> };
  const judgements = Object.entries(properties).map(([id, { properties: fields }]) => [
    id,
    { evidence, explanation_md: `Grund für ${id}.`, score: fields.score.maximum },
  ]);
  return JSON.stringify(Object.fromEntries(judgements));
}

/** The part of the answer's schema that is for one criterion. */
export interface CriterionSchema {
  readonly properties: {
    readonly evidence: { readonly items: { readonly enum: readonly string[] } };
    readonly score: { readonly maximum: number };
  };
}
