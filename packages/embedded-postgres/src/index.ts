export { startEmbeddedPostgres } from "./embedded-postgres.ts";
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from "./embedded-postgres.ts";
export type { EmbeddedPostgresFound } from "./entry.ts";
export type { Durability } from "./cluster.ts";
export type { PostgresOrigin } from "./binaries.ts";
export { EmbeddedPostgresError } from "./errors.ts";
export type { EmbeddedPostgresErrorCode } from "./errors.ts";
