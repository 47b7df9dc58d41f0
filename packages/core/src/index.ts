export * from "./adapter.ts";
export * from "./errors.ts";
export type {
  AttemptRef,
  EventSource,
  WorkerEvent,
  WorkerEventListener,
  WorkerEventName,
} from "./events.ts";
export * from "./json.ts";
export * from "./pipeline.ts";
