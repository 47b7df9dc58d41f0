import {
  type ModelCapabilities,
  type ModelContext,
  ModelError,
  type ModelRequest,
  type ModelResponse,
  type ModelV1,
} from "@leasehold/model";

import { answerRequest, charactersPerToken, countTokens } from "./answer-request.ts";
import { createPlayer, type Player, throwIfAborted } from "./player.ts";

/** Changes when the same request would be answered otherwise. */
const answersVersion = "1";

export interface StubModelOptions {
  /** The name that answers carry as their model. Default: `stub`. */
  readonly model?: string;
  /** Default: `stub`. */
  readonly resource?: string;
  /** What it claims, and refuses when it does not. Default: pictures, and JSON by grammar. */
  readonly capabilities?: Partial<Pick<ModelCapabilities, "images" | "structuredOutput">>;
  /** What it acts out, such as `outage 2` or `slow 500, permanent`; counts run over all calls. Default: nothing. */
  readonly script?: string;
  /**
   * Whether it obeys markers such as `[[stub: transient 2]]` in the messages it is sent. Whoever writes a text can then
   * steer the stub, so this is for tests and demonstrations only. Default: `false`.
   */
  readonly markers?: boolean;
  /** What the act `crash` does: an app may end its process here. Default: nothing, and the call fails. */
  crash?(): void | Promise<void>;
}

/**
 * Makes a model without a model: it invents every answer from the hash of the request, says so, and acts out failures.
 *
 * The same messages, pictures and schema give the same answer, whatever the seed. What was acted out is counted in this
 * object: a new one, as after a restart, begins again.
 */
export function createStubModel(options: StubModelOptions = {}): ModelV1 {
  const player = createPlayer(options);
  const capabilities: ModelCapabilities = Object.freeze({
    images: true,
    structuredOutput: "grammar",
    ...options.capabilities,
    deterministic: true,
    local: true,
  });
  return {
    specVersion: "v1",
    name: "stub",
    version: answersVersion,
    resource: options.resource ?? "stub",
    capabilities,
    async prepare(context) {
      throwIfAborted(context.signal);
      context.progress({ stage: "loading" });
    },
    async generate(request, context) {
      const startedAt = performance.now();
      const answered = await answer(request, context, { capabilities, player });
      return {
        ...answered,
        durationMs: performance.now() - startedAt,
        provenance: {
          adapter: "stub",
          model: options.model ?? "stub",
          synthetic: true,
          options: {},
        },
      };
    },
    async probe() {
      return { status: "ok", detail: "Answers are synthetic." };
    },
  };
}

interface Stub {
  readonly capabilities: ModelCapabilities;
  readonly player: Player;
}

/** Goes through the stages of a real call, so that whoever aborts at one of them gets no answer. */
async function answer(
  request: ModelRequest,
  context: ModelContext,
  { capabilities, player }: Stub,
): Promise<Pick<ModelResponse, "text" | "finish" | "usage">> {
  throwIfAborted(context.signal);
  refuseUnclaimed(request, capabilities);
  context.progress({ stage: "queued" });
  const spoil = await player.play(request, context.signal);
  throwIfAborted(context.signal);
  context.progress({ stage: "prefill" });
  throwIfAborted(context.signal);
  const whole = answerRequest(request, spoil);
  const room =
    spoil === "truncated" ? whole.length / 2 : request.outputTokensMax * charactersPerToken;
  const text = whole.slice(0, room);
  const outputTokens = countTokens([text]);
  context.progress({ stage: "decoding", tokens: outputTokens });
  throwIfAborted(context.signal);
  const inputTokens = countTokens(request.messages.map(({ content }) => content));
  return {
    text,
    finish: spoil === "truncated" || text !== whole ? "length" : "stop",
    usage: { inputTokens, outputTokens },
  };
}

function refuseUnclaimed({ messages, schema }: ModelRequest, claims: ModelCapabilities): void {
  const hasImages = messages.some(({ images = [] }) => images.length > 0);
  const refused =
    hasImages && !claims.images
      ? "pictures"
      : schema !== undefined && claims.structuredOutput === "none"
        ? "a schema"
        : undefined;
  if (refused === undefined) return;
  throw new ModelError("model_unsuitable", `This stub does not claim to take ${refused}.`, {
    scope: "config",
    retryable: false,
  });
}
