// Writes `schema.snapshot.txt` anew: bun packages/core/test/update-schema-snapshot.ts
import { writeFile } from "node:fs/promises";

import { migrate } from "@leasehold/core";
import postgres from "postgres";

import { readSchemaSnapshot, snapshotPath } from "./support/schema-snapshot.ts";
import { openServer } from "./support/server.ts";

const server = await openServer();
await migrate({ connection: server.url });
const sql = postgres(server.url, { max: 1 });
await writeFile(snapshotPath, await readSchemaSnapshot(sql, "leasehold"));
await sql.end();
await server.close();
