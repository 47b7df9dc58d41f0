import { join } from "node:path";

import { root } from "./worker-bench.ts";

/** A request that the server got. */
export interface OllamaRequest {
  readonly kind: "chat" | "load" | "tags" | "version" | "show" | "ps" | "pull" | "root" | "other";
  readonly body: Readonly<Record<string, unknown>>;
}

/** A server that behaves like Ollama, over real HTTP. */
export interface FakeOllama extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly OllamaRequest[];
  /** Waits until a client went away before its answer was over. */
  waitForAbort(kind: OllamaRequest["kind"]): Promise<OllamaRequest>;
}

/** One message of a chat, as Ollama reads it. */
export interface OllamaMessage {
  readonly role: string;
  readonly content: string;
  readonly images?: readonly string[];
}

/** How the server differs from one on which all is well. */
export interface FakeOllamaOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Default: one that is new enough. */
  readonly version?: string;
  /** Part of a loaded model that lies on a GPU. Default: none. */
  readonly gpuShare?: number;
  /** Decides about a request; what it leaves open is answered well. In the words of the adapter's own tests. */
  readonly script?: (request: OllamaRequest) => object | undefined;
}

interface ReplayModule {
  startReplayServer(
    this: void,
    options: FakeOllamaOptions & {
      readonly models: readonly string[];
      readonly answer: (request: OllamaRequest) => string;
    },
  ): Promise<FakeOllama>;
}

/** What the models are called that {@link startFakeOllama} has. */
export const models = { vision: "page-reader:2b", feedback: "judge:8b" } as const;

/** What the vision model reads from every page. */
export const transcript = "Der Zug fährt in fünf Stunden 450 km weit.";
/** What the feedback model writes to every learner. */
export const feedback = "Du hast die Aufgabe verstanden. Schreibe als Nächstes den Rechenweg auf.";
/** What it says about every criterion. */
export const explanation = "Der Beleg zeigt es.";

/** Starts the server that the Ollama adapter's own tests use, with a vision model and a feedback model. */
export async function startFakeOllama(options: FakeOllamaOptions = {}): Promise<FakeOllama> {
  // By its path: what a package's tests use is no entry point of the package.
  const path = join(root, "packages/adapter-ollama/test/replay-server.ts");
  const { startReplayServer } = (await import(path)) as ReplayModule;
  return await startReplayServer({
    version: "0.35.0",
    ...options,
    models: Object.values(models),
    answer: ({ body }) => answerAs(body["model"], body["format"]),
  });
}

/** The messages of the chats that some model was sent. */
export function chatsWith(
  model: string,
  { requests }: FakeOllama,
): readonly (readonly OllamaMessage[])[] {
  return requests
    .filter(({ kind, body }) => kind === "chat" && body["model"] === model)
    .map(({ body }) => body["messages"] as readonly OllamaMessage[]);
}

/** What a model of {@link models} says, under a schema or without. */
export function answerAs(model: unknown, schema: unknown): string {
  if (model === models.vision) return transcript;
  const format = schema as JudgementFormat | OneShotFormat | undefined;
  if (format === undefined) return feedback;
  if (!isOneShot(format)) return JSON.stringify(judge(format));
  return JSON.stringify({ assessment: judge(format.properties.assessment), feedback_md: feedback });
}

function isOneShot(format: JudgementFormat | OneShotFormat): format is OneShotFormat {
  return "assessment" in format.properties;
}

/** The schema of the one plain question: judgements, and prose beside them. */
interface OneShotFormat {
  readonly properties: { readonly assessment: JudgementFormat };
}

/** The schema that constrains judgements: one property per criterion, which is a judgement with evidence or without. */
interface JudgementFormat {
  readonly properties: Readonly<Record<string, { readonly anyOf: readonly SupportedFormat[] }>>;
}

interface SupportedFormat {
  readonly properties: { readonly score: { readonly maximum: number } };
}

/** Gives every criterion all of its points but one, for the first segment of the text. */
function judge({ properties }: JudgementFormat): object {
  return Object.fromEntries(
    Object.entries(properties).map(([criterion, schema]) => [
      criterion,
      {
        evidence: ["s1"],
        explanation_md: explanation,
        score: (schema.anyOf[0]?.properties.score.maximum ?? 0) - 1,
      },
    ]),
  );
}
