export { bearerTokens } from "./bearer-tokens.ts";
export type { BearerToken } from "./bearer-tokens.ts";
export { createHealthRoutes } from "./health-routes.ts";
export type {
  Authorize,
  AuthorizeAnswer,
  HealthRoutesOptions,
  ProtectedRoute,
} from "./health-routes.ts";
export type { HealthCheck, HealthReport } from "./health-report.ts";
