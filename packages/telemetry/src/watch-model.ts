import {
  forwardModel,
  type ModelContext,
  ModelError,
  type ModelRequest,
  type ModelResponse,
  type ModelV1,
} from "@leasehold/model";

/** How a call of a model ended. Numbers and words of the program: never what was asked or answered. */
export interface ModelCallEnd {
  readonly durationMs: number;
  /** From the call to the first token, where the model tells of it. */
  readonly firstTokenMs?: number;
  /** Absent when the call failed. */
  readonly response?: Pick<ModelResponse, "finish" | "usage" | "provenance">;
  /** The code of the failure; `model_unknown` for what is no `ModelError`. */
  readonly code?: string;
}

/** What a call of a model is about, before it is sent. */
export interface ModelCallStart {
  /** What the model calls itself. */
  readonly name: string;
  /** What it competes for, such as `host/model`. */
  readonly resource: string;
  readonly request?: Pick<ModelRequest, "outputTokensMax" | "temperature" | "seed"> & {
    readonly isJson: boolean;
  };
}

/** Follows the calls of a model, from outside. */
export interface ModelWatcher {
  /** Runs a call, such as within a span, and is told how it ended. Must call `run` once and answer what it answers. */
  around<Answer>(
    kind: "load" | "generate",
    start: ModelCallStart,
    run: (ended: (end: ModelCallEnd) => void) => Promise<Answer>,
  ): Promise<Answer>;
}

/** The same model, watched. Whatever the watcher does, no call is changed. */
export function watchModel(model: ModelV1, watcher: ModelWatcher): ModelV1 {
  const { name, resource } = model;
  return {
    ...forwardModel(model),
    ...(model.prepare === undefined
      ? {}
      : {
          prepare: (context: ModelContext) =>
            watcher.around("load", { name, resource }, (ended) =>
              follow(ended, context, async (watched) => await model.prepare?.(watched)),
            ),
        }),
    generate: (request, context) => {
      const { outputTokensMax, temperature, seed, schema } = request;
      const told = {
        outputTokensMax,
        isJson: schema !== undefined,
        ...(temperature === undefined ? {} : { temperature }),
        ...(seed === undefined ? {} : { seed }),
      };
      return watcher.around("generate", { name, resource, request: told }, (ended) =>
        follow(ended, context, (watched) => model.generate(request, watched)),
      );
    },
  };
}

async function follow<Answer>(
  ended: (end: ModelCallEnd) => void,
  context: ModelContext,
  call: (context: ModelContext) => Promise<Answer>,
): Promise<Answer> {
  const startedAt = performance.now();
  let firstTokenMs: number | undefined;
  const end = (how: Pick<ModelCallEnd, "response" | "code">): void =>
    ended({
      durationMs: performance.now() - startedAt,
      ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
      ...how,
    });
  const watched: ModelContext = {
    // A context may make its signal only when it is asked for.
    get signal() {
      return context.signal;
    },
    deadlineAt: context.deadlineAt,
    progress(progress) {
      if (progress.stage === "decoding") firstTokenMs ??= performance.now() - startedAt;
      context.progress(progress);
    },
  };
  try {
    const answer = await call(watched);
    end(isResponse(answer) ? { response: answer } : {});
    return answer;
  } catch (error) {
    end({ code: ModelError.is(error) ? error.code : "model_unknown" });
    throw error;
  }
}

function isResponse(answer: unknown): answer is ModelResponse {
  return typeof answer === "object" && answer !== null && "provenance" in answer;
}
