import postgres from "postgres";

import { renderSql } from "../../src/schema/migrate.ts";
import type { Queue } from "./queue.ts";
import type { TestServer } from "./server.ts";

export interface Explained {
  /** How a table was reached, such as `ready by ready_claim`, without repeats. */
  readonly paths: readonly string[];
  /** Shared buffers of tables and their indexes, over the whole call. */
  readonly buffers: number;
  readonly answer: readonly object[];
  /** How many of them there are. */
  readonly rows: number;
  /** Of the write-ahead log. */
  readonly walRecords: number;
  readonly walBytes: number;
}

/** Shows the plans of statements inside functions, as auto_explain sees them run. */
export interface Explainer extends AsyncDisposable {
  /**
   * Makes the same call before, since the first one reads the catalogue. That is undone: the rows that it took would lie
   * in the way for as long as any neighbour on the server holds an old snapshot.
   */
  explain(text: string): Promise<Explained>;
}

/** Statistics are part of a test of plans: from here on nobody but the test gathers any, in the whole schema. */
export async function keepStatistics({
  schema,
  query,
}: Pick<Queue, "schema" | "query">): Promise<void> {
  await query(`do $$
    declare v_table text;
    begin
      for v_table in select tablename from pg_tables where schemaname = '${schema}' loop
        execute format('alter table %I.%I set (autovacuum_enabled = false)', '${schema}', v_table);
      end loop;
    end $$`);
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
  // As our own statements are, whatever the database has for a default.
  await admin.unsafe("set default_transaction_isolation = 'read committed'");
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
    async explain(call) {
      const text = renderSql(call, schema);
      await admin.unsafe(`begin; ${text}; rollback`);
      await admin.unsafe("set client_min_messages = log");
      plans.length = 0;
      const answer = await admin.unsafe(text);
      await admin.unsafe("set client_min_messages = notice");
      const whole = plans.at(-1);
      return {
        paths: [...new Set(plans.slice(0, -1).flatMap(listPaths))].toSorted(),
        buffers: plans.map(countBuffers).reduce((sum, count) => sum + count, 0),
        answer: [...answer],
        rows: answer.length,
        walRecords: whole?.["WAL Records"] ?? 0,
        walBytes: whole?.["WAL Bytes"] ?? 0,
      };
    },
    [Symbol.asyncDispose]: () => admin.end(),
  };
}

/**
 * What the nodes that have a table touched themselves. The rest is the catalogue, which is read again whenever another
 * session has changed something there, and what was called, which has plans of its own.
 */
function countBuffers(node: PlanNode): number {
  const { Plans: children = [] } = node;
  const below = children.map(touched).reduce((sum, count) => sum + count, 0);
  const own = node["Relation Name"] === undefined ? 0 : touched(node) - below;
  return children.map(countBuffers).reduce((sum, count) => sum + count, own);
}

function touched(node: PlanNode): number {
  return node["Shared Hit Blocks"] + node["Shared Read Blocks"];
}

function listPaths(node: PlanNode): readonly string[] {
  const table = node["Relation Name"];
  const isScan = node["Node Type"].includes("Scan") && table !== undefined;
  const how = node["Index Name"] ?? node["Node Type"];
  return [...(isScan ? [`${table} by ${how}`] : []), ...(node.Plans ?? []).flatMap(listPaths)];
}
