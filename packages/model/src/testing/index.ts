export * from "./model-contract.ts";
export type { ContractBackend } from "./subject.ts";
export * from "./recorded-call.ts";
export * from "./request-log.ts";
