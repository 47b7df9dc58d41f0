export * from "./criteria.ts";
export * from "./submission.ts";
