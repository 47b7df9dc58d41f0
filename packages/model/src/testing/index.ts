export * from "./model-contract.ts";
export type { ContractBackend } from "./subject.ts";
