export { bearerTokens } from "./bearer-tokens.ts";
export type { OperatorToken } from "./bearer-tokens.ts";
export { createConsole } from "./console.ts";
export type { ConsoleEvent } from "./console-event.ts";
export type {
  ConsoleClient,
  ConsoleOptions,
  ListModels,
  ListSchedules,
  ModelListing,
  ReadingClient,
  ScheduleListing,
  WarmResource,
} from "./console-options.ts";
export type { AuthorizeOperator, Operator, OperatorRole } from "./operator.ts";
