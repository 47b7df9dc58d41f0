import type { ModelError } from "@leasehold/model";

import { checkAnswerLines } from "./answer-lines.ts";
import { toBackendError } from "./backend-errors.ts";
import { toStreamError, toTransportError } from "./call-errors.ts";
import type { OllamaConfig } from "./options.ts";

/** How an answer comes: line by line, or as one document. */
export type AnswerForm = "lines" | "document";

/**
 * The `fetch` of one call, for the official client.
 *
 * The client takes no signal for a call, prints what it cannot read and forgets the status of an error. So everything
 * it gets from here is a good answer in a known form; everything else is one of our errors.
 */
export function createGuardedFetch(
  config: OllamaConfig,
  { signal, form }: { readonly signal: AbortSignal; readonly form: AnswerForm },
): typeof globalThis.fetch {
  const { base, resource } = config;
  // Bun ends a silent connection after minutes, and sends even what is meant for this machine through HTTP_PROXY. Our
  // own deadlines do the first, and a private address needs no proxy. Other runtimes ignore both keys.
  const runtimeInit: object = base.local ? { timeout: false, proxy: false } : { timeout: false };
  const guarded = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : input.toString();
    const response = await send(config, url, {
      ...init,
      ...runtimeInit,
      redirect: "manual",
      signal,
    });
    if (!response.ok) throw await readFailure(response, resource);
    if (response.body === null) throw toStreamError(resource, "answer_cut");
    if (form === "lines") return new Response(checkAnswerLines(response.body, resource));
    return Response.json(await readDocument(response.body, resource));
  };
  return Object.assign(guarded, { preconnect: () => {} });
}

async function send(
  { fetch, resource }: OllamaConfig,
  url: string,
  init: RequestInit,
): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (thrown) {
    throw toTransportError(resource, thrown);
  }
}

async function readFailure(response: Response, resource: string): Promise<ModelError> {
  const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"));
  const body = response.body === null ? undefined : await readText(response.body, failureBytesMax);
  return toBackendError({
    resource,
    // Node shows a redirect that is not followed as status 0.
    status: response.type === "opaqueredirect" ? 302 : response.status,
    text: body?.text ?? "",
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

async function readDocument(body: ReadableStream<Uint8Array>, resource: string): Promise<unknown> {
  const { text, whole } = await readText(body, documentBytesMax);
  if (!whole) throw toStreamError(resource, "answer_too_large");
  try {
    return JSON.parse(text);
  } catch {
    throw toStreamError(resource, "answer_unreadable");
  }
}

const failureBytesMax = 65_536;
const documentBytesMax = 8_388_608;

/** Reads up to a limit. What a broken connection left out is simply missing. */
async function readText(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
): Promise<{ readonly text: string; readonly whole: boolean }> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  while (bytes <= bytesMax) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done || value === undefined) return { text: text + decoder.decode(), whole: true };
    bytes += value.byteLength;
    text += decoder.decode(value, { stream: true });
  }
  return { text, whole: false };
}

/** Ten minutes: whoever asks for more is broken rather than busy. */
const retryAfterMsMax = 600_000;

function parseRetryAfter(header: string | null): number | undefined {
  if (header === null || !/^\d{1,9}$/.test(header.trim())) return undefined;
  return Math.min(Number(header) * 1_000, retryAfterMsMax);
}
