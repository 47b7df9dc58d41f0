export * from "./model-contract.ts";
