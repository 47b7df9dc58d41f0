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

/** A judgement of every criterion that the schema asks for, by itself or beside prose. */
export function judge(schema: AnswerSchema, evidence: readonly string[] = ["s1"]): string {
  const judgements = criteriaOf(schema).map(([id, { score }]) => [
    id,
    { evidence, explanation_md: `Grund für ${id}.`, score: score.maximum },
  ]);
  return JSON.stringify(answerTo(schema, Object.fromEntries(judgements)));
}

/** Gives no criterion any point, and says that nothing speaks for one. */
export function judgeNothing(schema: AnswerSchema): string {
  const judgements = criteriaOf(schema).map(([id]) => [
    id,
    { evidence: [], explanation_md: `Nichts zu ${id}.`, no_evidence_found: true, score: 0 },
  ]);
  return JSON.stringify(answerTo(schema, Object.fromEntries(judgements)));
}

type AnswerSchema = Readonly<Record<string, unknown>>;

interface ObjectSchema {
  readonly properties: Readonly<Record<string, { readonly anyOf?: readonly FormSchema[] }>>;
}

/** A judgement that has evidence, as the schema describes it. */
export interface FormSchema {
  readonly properties: {
    readonly evidence: {
      readonly items: { readonly enum: readonly string[] };
      readonly minItems?: number;
      readonly maxItems: number;
    };
    readonly score: { readonly minimum: number; readonly maximum: number };
  };
}

/** By criterion, what a judgement with evidence looks like. */
export function criteriaOf(schema: AnswerSchema): readonly [string, FormSchema["properties"]][] {
  const { properties } = schema as unknown as ObjectSchema;
  const { assessment } = properties;
  if (assessment !== undefined) return criteriaOf({ ...assessment });
  return Object.entries(properties).flatMap(([id, { anyOf = [] }]) => {
    const [form] = anyOf;
    return form === undefined ? [] : [[id, form.properties]];
  });
}

/** The answer as the step wants it: judgements alone, or with prose beside them. */
export function answerTo(schema: AnswerSchema, judgements: object): object {
  return isOneShot(schema) ? { assessment: judgements, feedback_md: prose } : judgements;
}

/** Whether a schema is that of the one plain question. */
export function isOneShot(schema: AnswerSchema): boolean {
  return "assessment" in (schema as unknown as ObjectSchema).properties;
}
