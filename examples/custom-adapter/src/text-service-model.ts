import {
  ModelError,
  type ModelImage,
  type ModelProvenance,
  type ModelRequest,
  type ModelV1,
} from "@leasehold/model";
import { z } from "zod";

export interface TextServiceOptions {
  /** Where the service listens, such as `http://127.0.0.1:9000`. */
  readonly baseUrl: string;
  /** A model, as the service calls it. */
  readonly model: string;
}

/**
 * A model that an HTTP service of our own runs: `POST /generate` with everything at once, and the whole answer back.
 *
 * It holds no connection, so that there is nothing to `close`, and the service loads its model by itself, so that there
 * is nothing to `prepare`.
 */
export function createTextServiceModel({ baseUrl, model }: TextServiceOptions): ModelV1 {
  const base = new URL(baseUrl);
  return {
    specVersion: "v1",
    name: "text-service",
    version: "1",
    // Whoever competes for the same thing must name the same resource: here the model, on its machine.
    resource: `${base.host}/${model}`,
    // Promises, each of them tested by the kit. What is not sure is not claimed: the service may run anywhere.
    capabilities: { images: true, structuredOutput: "grammar", deterministic: false, local: false },
    async generate(request, context) {
      const startedAt = performance.now();
      // The first sign of life comes before the first byte. A service that streams would go on with `decoding`: from
      // there on a call that takes too long is the job's fault, and until then it is an outage, charged to nobody.
      context.progress({ stage: "queued" });
      const body = JSON.stringify(toBody(model, request));
      const answer = await post(new URL("/generate", base), body, context.signal);
      return {
        text: answer.text,
        // Never pass half an answer for a whole one: the program above refuses what was cut.
        finish: answer.isWhole ? "stop" : "length",
        usage: { inputTokens: answer.inputTokens, outputTokens: answer.outputTokens },
        durationMs: performance.now() - startedAt,
        provenance: toProvenance(model, request, answer),
      };
    },
    async probe(signal) {
      const response = await fetch(new URL("/health", base), { signal }).catch(() => undefined);
      return response?.ok === true
        ? { status: "ok" }
        : { status: "failed", detail: "The text service does not answer." };
    },
  };
}

function toBody(model: string, request: ModelRequest): object {
  const { messages, schema, outputTokensMax, temperature, seed } = request;
  return {
    model,
    messages: messages.map(({ role, content, images = [] }) => ({
      role,
      content,
      images: images.map(toBase64),
    })),
    schema,
    outputTokensMax,
    temperature,
    seed,
  };
}

function toBase64({ bytes }: ModelImage): string {
  // A caller in plain JavaScript may send anything, and a text must not be taken for a path, here or at the service.
  if (bytes instanceof Uint8Array) return Buffer.from(bytes).toString("base64");
  throw new ModelError("input_corrupt", "A picture must be given as bytes.", {
    scope: "job",
    retryable: false,
  });
}

interface Answer {
  readonly text: string;
  readonly isWhole: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Hash of the model's file. */
  readonly digest: string;
}

const answerSchema: z.ZodType<Answer> = z.object({
  text: z.string(),
  isWhole: z.boolean(),
  inputTokens: z.int().min(0),
  outputTokens: z.int().min(0),
  digest: z.string(),
});

/** Every error that leaves here is a `ModelError` in words of ours: what the service says may quote a learner. */
async function post(url: URL, body: string, signal: AbortSignal): Promise<Answer> {
  try {
    // The signal goes along, so that an abort ends the service's work too and not only our waiting.
    const response = await fetch(url, { method: "POST", body, signal, redirect: "manual" });
    if (!response.ok) throw toRefusal(response);
    return answerSchema.parse(await response.json());
  } catch (thrown) {
    throw toModelError(thrown, signal);
  }
}

function toModelError(thrown: unknown, signal: AbortSignal): ModelError {
  const outage = { scope: "backend", retryable: true, cause: thrown } as const;
  // Asked first: an aborted request falls over in many ways, and none of them is the service's fault.
  if (signal.aborted) {
    return new ModelError("aborted", "The call was stopped by its caller.", outage);
  }
  if (ModelError.is(thrown)) return thrown;
  return thrown instanceof SyntaxError || thrown instanceof z.ZodError
    ? new ModelError("backend_failed", "The text service answered in an unknown form.", outage)
    : new ModelError("backend_unreachable", "The text service could not be reached.", outage);
}

/**
 * Says whose fault a status is, for that decides what happens: a job is charged its failures, an outage is waited for,
 * and a fault of the configuration waits for somebody to mend it.
 */
function toRefusal({ status, headers }: Response): ModelError {
  const adapterCode = `http_${status}`;
  const outage = { scope: "backend", retryable: true, adapterCode } as const;
  const job = { scope: "job", retryable: false, adapterCode } as const;
  const config = { scope: "config", retryable: false, adapterCode } as const;
  const said = `The text service answered with status ${status}`;
  if (status === 429 || status === 503) {
    const retryAfterMs = 1000 * (Number(headers.get("retry-after")) || 1);
    return new ModelError("backend_busy", `${said}: it is busy.`, { ...outage, retryAfterMs });
  }
  if (status >= 500) return new ModelError("backend_failed", `${said}.`, outage);
  // A missing model, a password, a redirect: no job can help it, and every job would meet it.
  if (status === 404) return new ModelError("model_missing", `${said}: install it there.`, config);
  if (status === 401 || status === 403 || status < 400) {
    return new ModelError("config_invalid", `${said}: check address and access.`, config);
  }
  if (status === 413) return new ModelError("input_too_large", `${said}.`, job);
  // Nobody knows. Charged to the job it costs one job; as a fault of the configuration it would hold up all of them.
  return new ModelError("input_unsupported", `${said}.`, job);
}

/** What stands beside every result, for ever: enough to tell later what judged, and no word of what was judged. */
function toProvenance(model: string, request: ModelRequest, { digest }: Answer): ModelProvenance {
  const { temperature = 0, seed, outputTokensMax } = request;
  const options = { temperature, outputTokensMax, ...(seed === undefined ? {} : { seed }) };
  return { adapter: "text-service@1", model, digest, options };
}
