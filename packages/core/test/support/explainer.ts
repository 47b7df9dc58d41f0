import postgres from "postgres";

import { renderSql } from "../../src/migrate.ts";
import type { TestServer } from "./server.ts";

export interface Explained {
  /** How a table was reached, such as `ready by ready_claim`, without repeats. */
  readonly paths: readonly string[];
  /** Shared buffers of the whole call. */
  readonly buffers: number;
  readonly rows: number;
  /** Of the write-ahead log. */
  readonly walRecords: number;
  readonly walBytes: number;
}

/** Shows the plans of statements inside functions, as auto_explain sees them run. */
export interface Explainer extends AsyncDisposable {
  /** Makes another call before it, by default the same: the first call of a function reads the catalogue. */
  explain(text: string, warmUp?: string): Promise<Explained>;
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly "WAL Records": number;
  readonly "WAL Bytes": number;
  readonly Plans?: readonly PlanNode[];
}

export async function openExplainer(server: TestServer, schema: string): Promise<Explainer> {
  const plans: PlanNode[] = [];
  const admin = postgres(server.urlAs("postgres"), {
    max: 1,
    onnotice({ message = "" }) {
      const start = message.indexOf("{");
      if (start >= 0) plans.push((JSON.parse(message.slice(start)) as { Plan: PlanNode }).Plan);
    },
  });
  await admin.unsafe("load 'auto_explain'");
  const settings = { log_min_duration: 0, log_nested_statements: "on", log_analyze: "on" };
  for (const [name, value] of Object.entries({
    ...settings,
    log_buffers: "on",
    log_wal: "on",
    log_format: "json",
  })) {
    await admin.unsafe(`set auto_explain.${name} = ${value}`);
  }
  return {
    async explain(text, warmUp = text) {
      await admin.unsafe(renderSql(warmUp, schema));
      await admin.unsafe("set client_min_messages = log");
      plans.length = 0;
      const rows = (await admin.unsafe(renderSql(text, schema))).length;
      await admin.unsafe("set client_min_messages = notice");
      const whole = plans.at(-1);
      return {
        paths: [...new Set(plans.slice(0, -1).flatMap(listPaths))].toSorted(),
        buffers: (whole?.["Shared Hit Blocks"] ?? 0) + (whole?.["Shared Read Blocks"] ?? 0),
        rows,
        walRecords: whole?.["WAL Records"] ?? 0,
        walBytes: whole?.["WAL Bytes"] ?? 0,
      };
    },
    [Symbol.asyncDispose]: () => admin.end(),
  };
}

function listPaths(node: PlanNode): readonly string[] {
  const table = node["Relation Name"];
  const isScan = node["Node Type"].includes("Scan") && table !== undefined;
  const how = node["Index Name"] ?? node["Node Type"];
  return [...(isScan ? [`${table} by ${how}`] : []), ...(node.Plans ?? []).flatMap(listPaths)];
}
