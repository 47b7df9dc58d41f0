export * from "./answer-schema.ts";
export * from "./deadline.ts";
export * from "./forward-model.ts";
export * from "./ladder.ts";
export * from "./model.ts";
export * from "./program.ts";
export * from "./run-step.ts";
export * from "./sanitise.ts";
