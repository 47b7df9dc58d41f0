import type { ModelError } from "../model.ts";
import type { BaseUrl } from "./base-url.ts";
import type { CallErrors } from "./call-errors.ts";
import type { BackendReply } from "./reply-errors.ts";

/** Sends one request; `fetch` of the runtime fits. The init carries `timeout` and `proxy` for Bun as well. */
export type HttpFetch = (url: string, init: RequestInit) => Promise<Response>;

/** What the requests of one call go through. */
export interface GuardedFetchOptions {
  readonly base: BaseUrl;
  readonly resource: string;
  readonly errors: CallErrors;
  readonly fetch: HttpFetch;
  /** Ends the request. */
  readonly signal: AbortSignal;
  /** Sent in place of what the client would send. Default: the client's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What a refusal means. */
  toError(this: void, reply: BackendReply): ModelError;
  /** What the client gets to see of a good answer. Throws errors of ours. */
  read(
    this: void,
    body: ReadableStream<Uint8Array>,
    headers: Headers,
  ): Response | Promise<Response>;
}

/**
 * The `fetch` of one call, for a client that somebody else wrote.
 *
 * Such clients print what they cannot read, forget the status of an error or quote the request in it. So everything they
 * get from here is a good answer in a known form; everything else is one of our errors. Redirects are not followed.
 */
export function createGuardedFetch(options: GuardedFetchOptions): typeof globalThis.fetch {
  const { base, resource, errors, signal, headers } = options;
  // Bun ends a silent connection after minutes, and sends even what is meant for this machine through HTTP_PROXY. Our
  // own deadlines do the first, and a private address needs no proxy. Other runtimes ignore both keys.
  const runtimeInit: object = base.local ? { timeout: false, proxy: false } : { timeout: false };
  const guarded = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : input.toString();
    const response = await send(options, url, {
      ...init,
      ...(headers === undefined ? {} : { headers }),
      ...runtimeInit,
      redirect: "manual",
      signal,
    });
    if (!response.ok) throw await readFailure(response, options);
    if (response.body === null) throw errors.toStreamError(resource, "answer_cut");
    return options.read(response.body, response.headers);
  };
  return Object.assign(guarded, { preconnect: () => {} });
}

async function send(
  { fetch, resource, errors }: GuardedFetchOptions,
  url: string,
  init: RequestInit,
): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (thrown) {
    throw errors.toTransportError(resource, thrown);
  }
}

async function readFailure(
  response: Response,
  { resource, toError }: GuardedFetchOptions,
): Promise<ModelError> {
  const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"));
  const body = response.body === null ? undefined : await readText(response.body, failureBytesMax);
  return toError({
    resource,
    // Node shows a redirect that is not followed as status 0.
    status: response.type === "opaqueredirect" ? 302 : response.status,
    text: body?.text ?? "",
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Reads a body that is one JSON document, up to a limit that no list of models reaches. */
export async function readDocument(
  body: ReadableStream<Uint8Array>,
  { resource, errors }: Pick<GuardedFetchOptions, "resource" | "errors">,
): Promise<unknown> {
  const { text, whole } = await readText(body, documentBytesMax);
  if (!whole) throw errors.toStreamError(resource, "answer_too_large");
  try {
    return JSON.parse(text);
  } catch {
    throw errors.toStreamError(resource, "answer_unreadable");
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
