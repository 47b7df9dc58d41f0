import { type KnownMeaning, toReplyError } from "@leasehold/model/http";

import type { LineRules } from "./answer-lines.ts";

const config = { scope: "config", retryable: false, code: "config_invalid" } as const;

/** What a server says when it cannot fetch a model, in order. */
const meanings: readonly KnownMeaning[] = [
  {
    when: (_, text) => /no space left|disk full/.test(text),
    ...config,
    adapterCode: "disk_full",
    sentence: "the server's disk has no room for the model.",
  },
  {
    when: (_, text) => /file does not exist|not found|invalid model name/.test(text),
    ...config,
    code: "model_missing",
    adapterCode: "model_unknown",
    sentence: "the registry has no model of this name.",
  },
  {
    when: (_, text) => /requires a newer version/.test(text),
    ...config,
    adapterCode: "server_outdated",
    sentence: "the model wants a newer server.",
  },
  {
    when: (_, text) => /pull model manifest|dial tcp|no such host|tls|i\/o timeout/.test(text),
    scope: "backend",
    retryable: true,
    code: "backend_failed",
    adapterCode: "registry_unreachable",
    sentence: "the server does not reach its registry; bring the model there by other means.",
  },
];

/** News of a download end with success. */
export const newsRules: LineRules = {
  isLast: (frame) => frame["status"] === "success",
  toError: (reply) => toReplyError("Ollama", reply, meanings),
};
