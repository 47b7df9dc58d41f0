export { type BaseUrl, type BaseUrlRule, parseBaseUrl, readBaseUrl } from "./base-url.ts";
export {
  type CallErrors,
  createCallErrors,
  type RunawayKind,
  type SilenceKind,
  type StreamFault,
} from "./call-errors.ts";
export { type CallWatch, type CallWatchOptions, createCallWatch } from "./call-watch.ts";
export { toConfigError } from "./config-error.ts";
export {
  createGuardedFetch,
  type GuardedFetchOptions,
  type HttpFetch,
  readDocument,
} from "./guarded-fetch.ts";
export { findRequestMisuse, hasImages, listImages, toBase64 } from "./model-request.ts";
export {
  type BackendReply,
  blame,
  busyMeanings,
  gatewayMeanings,
  type KnownMeaning,
  type ReplyMeaning,
  toMeaningError,
  toReplyError,
} from "./reply-errors.ts";
