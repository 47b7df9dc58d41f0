import { type BaseUrl, parseBaseUrl } from "@leasehold/model/http";

/** Where a server is, checked and written in one way. */
export type OpenAiBaseUrl = BaseUrl;

/** An address that needs no explanation. */
export const openAiExampleUrl = "http://127.0.0.1:8000/v1";

/**
 * Reads the address of a server and refuses one that learners' work must not travel to.
 *
 * It judges the name as written: what a name server answers for `vllm` or `gpu.internal` is the operator's concern.
 */
export function parseOpenAiBaseUrl(
  text: string,
  allowOrigins: readonly string[] = [],
): OpenAiBaseUrl {
  return parseBaseUrl(text, {
    subject: "OpenAI base URL",
    example: openAiExampleUrl,
    allowOrigins,
  });
}
