import {
  getLlama,
  type LlamaContextSequence,
  LlamaGrammarEvaluationState,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";

import { type JsonSchema, toGrammar } from "./schema-grammar.ts";

/** One answer that is wanted. */
export interface GenerateRequest {
  readonly prompt: string;
  /** Constrains every token. */
  readonly schema: JsonSchema | undefined;
  readonly tokensMax: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  onText(piece: string): void;
}

/** How an answer ended. */
export interface Generated {
  readonly finish: "stop" | "length";
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A model that computes. */
export interface Engine {
  /** One at a time; others wait. */
  generate(request: GenerateRequest): Promise<Generated>;
}

/** A prompt and its answer do not fit the window. */
export class ContextExceeded extends Error {
  readonly tokens: number;

  constructor(tokens: number) {
    super("the prompt exceeds the available context size");
    this.tokens = tokens;
  }
}

/** Prompts that the engine remembers the beginning of: one for each step of the programs, and one to spare. */
const sequenceCount = 5;

/** At 0 a table of pairs goes round in circles for ever. */
const temperature = 1;

/** Tokens after which what was written so far is told. */
const tokensPerPiece = 16;

/** Loads a model file into llama.cpp, in this process and on the processor. */
export async function loadEngine(path: string, contextTokens: number): Promise<Engine> {
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: 1,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({
    contextSize: contextTokens,
    sequences: sequenceCount,
    batchSize: 1024,
  });
  const sequences = Array.from({ length: sequenceCount }, () => context.getSequence());
  let last: Promise<unknown> = Promise.resolve();

  const generate = async (request: GenerateRequest): Promise<Generated> => {
    request.signal.throwIfAborted();
    const prompt = model.tokenize(request.prompt);
    if (prompt.length + request.tokensMax > contextTokens) throw new ContextExceeded(prompt.length);
    const sequence = await chooseSequence(sequences, prompt);
    const grammar =
      request.schema === undefined
        ? undefined
        : await llama.createGrammar({ grammar: toGrammar(request.schema) });
    const grammarEvaluationState =
      grammar === undefined ? undefined : new LlamaGrammarEvaluationState({ model, grammar });
    return await evaluate(model, request, {
      inputTokens: prompt.length,
      tokens: sequence.evaluate(prompt.slice(sequence.nextTokenIndex), {
        temperature,
        seed: request.seed,
        ...(grammarEvaluationState === undefined ? {} : { grammarEvaluationState }),
      }),
    });
  };

  return {
    generate(request) {
      const turn = last.then(() => generate(request));
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}

/** Takes the sequence that remembers most of a prompt, or else the one that remembers least of anything. */
async function chooseSequence(
  sequences: readonly LlamaContextSequence[],
  prompt: readonly Token[],
): Promise<LlamaContextSequence> {
  const known = sequences.map((sequence) => ({
    sequence,
    shared: countShared(sequence.contextTokens, prompt),
  }));
  const [best] = known.toSorted(
    (left, right) =>
      right.shared - left.shared || left.sequence.nextTokenIndex - right.sequence.nextTokenIndex,
  );
  const [least] = known.toSorted(
    (left, right) => left.sequence.nextTokenIndex - right.sequence.nextTokenIndex,
  );
  if (best === undefined || least === undefined) throw new Error("There are no sequences.");
  const chosen = best.shared >= prompt.length / 4 ? best : least;
  // The last token has to be computed again, because its successor is what is asked for.
  const kept = Math.min(chosen.shared, prompt.length - 1);
  await chosen.sequence.eraseContextTokenRanges([
    { start: kept, end: chosen.sequence.nextTokenIndex },
  ]);
  return chosen.sequence;
}

function countShared(left: readonly Token[], right: readonly Token[]): number {
  const different = right.findIndex((token, index) => token !== left[index]);
  return different === -1 ? right.length : different;
}

async function evaluate(
  model: LlamaModel,
  request: GenerateRequest,
  { inputTokens, tokens }: { inputTokens: number; tokens: AsyncIterable<Token> },
): Promise<Generated> {
  let outputTokens = 0;
  let pending: Token[] = [];
  const tell = (): void => {
    if (pending.length > 0) request.onText(model.detokenize(pending));
    pending = [];
  };
  for await (const token of tokens) {
    outputTokens += 1;
    pending.push(token);
    if (pending.length === tokensPerPiece) tell();
    request.signal.throwIfAborted();
    if (outputTokens === request.tokensMax) break;
  }
  tell();
  // The token that ends an answer is not among them.
  const finish = outputTokens === request.tokensMax ? "length" : "stop";
  return { finish, inputTokens, outputTokens };
}
