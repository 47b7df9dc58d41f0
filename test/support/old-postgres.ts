import { existsSync } from "node:fs";

import { mayBeMissing } from "./may-be-missing.ts";

/** Where Debian has the programs of PostgreSQL 15, the oldest that is promised; its tools are beside the server. */
export const oldPostgresFolder = "/usr/lib/postgresql/15/bin";

/** In CI it must be there. */
export const isOldPostgresMissing: boolean = mayBeMissing && !existsSync(oldPostgresFolder);
