import { type BaseUrl, parseBaseUrl } from "@leasehold/model/http";

/** Where an Ollama server is, checked and written in one way. */
export type OllamaBaseUrl = BaseUrl;

/** An address that needs no explanation. */
export const ollamaExampleUrl = "http://127.0.0.1:11434";

/**
 * Reads the address of an Ollama server and refuses one that learners' work must not travel to.
 *
 * It judges the name as written: what a name server answers for `ollama` or `gpu.internal` is the operator's concern.
 */
export function parseOllamaBaseUrl(
  text: string,
  allowOrigins: readonly string[] = [],
): OllamaBaseUrl {
  return parseBaseUrl(text, {
    subject: "Ollama base URL",
    example: ollamaExampleUrl,
    allowOrigins,
  });
}
