export * from "./stub-adapter.ts";
export * from "./stub-model.ts";
export * from "./stub-script.ts";
