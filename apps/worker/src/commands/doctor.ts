import { doctor, type Finding } from "@leasehold/core";

import type { WorkerConfig } from "../config.ts";
import { bundles, openDatabase } from "../database.ts";

/** Looks for what keeps the queue from working well, and prints it. False when something has failed. */
export async function examine(
  config: WorkerConfig,
  { json }: { readonly json: boolean },
): Promise<boolean> {
  await using database = await openDatabase(config);
  const { schema } = config;
  const findings = await doctor({ connection: database.url, schema, bundles });
  console.log(json ? JSON.stringify(findings) : findings.map(toLine).join("\n"));
  return findings.every(({ status }) => status !== "fail");
}

function toLine({ check, status, message }: Finding): string {
  return `${status.padEnd(4)}  ${check.padEnd(21)}  ${message}`;
}
