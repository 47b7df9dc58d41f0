import postgres from "postgres";

import { renderSql } from "../../src/migrate.ts";

/** How the statements inside a function reached their tables. */
export interface WatchedPlans {
  /** Such as `ready by ready_claim`, without repeats. */
  readonly paths: readonly string[];
  /** Shared buffers of the whole call. */
  readonly buffers: number;
  readonly rows: readonly object[];
}

/** A superuser's session in which auto_explain tells how statements were carried out. */
export interface PlanWatcher extends AsyncDisposable {
  /** Runs a statement twice, since the first call of a function reads the catalogue, and tells of the second. */
  watch(text: string): Promise<WatchedPlans>;
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

export async function watchPlans(url: string, schema: string): Promise<PlanWatcher> {
  const plans: PlanNode[] = [];
  const sql = postgres(url, {
    max: 1,
    onnotice({ message = "" }) {
      const start = message.indexOf("{");
      if (start >= 0) plans.push((JSON.parse(message.slice(start)) as { Plan: PlanNode }).Plan);
    },
  });
  await sql.unsafe("load 'auto_explain'");
  const settings = {
    log_min_duration: "0",
    log_nested_statements: "on",
    log_analyze: "on",
    log_buffers: "on",
    log_format: "json",
  };
  for (const [name, value] of Object.entries(settings)) {
    await sql.unsafe(`set auto_explain.${name} = ${value}`);
  }
  return {
    async watch(text) {
      const statement = renderSql(text, schema);
      await sql.unsafe(statement);
      plans.length = 0;
      await sql.unsafe("set client_min_messages = log");
      const rows = await sql.unsafe(statement);
      await sql.unsafe("set client_min_messages = notice");
      // The last one is the call itself.
      const whole = plans.at(-1);
      return {
        paths: [...new Set(plans.slice(0, -1).flatMap(listPaths))].toSorted(),
        buffers: (whole?.["Shared Hit Blocks"] ?? 0) + (whole?.["Shared Read Blocks"] ?? 0),
        rows,
      };
    },
    [Symbol.asyncDispose]: () => sql.end(),
  };
}

function listPaths(node: PlanNode): readonly string[] {
  const table = node["Relation Name"];
  const isScan = node["Node Type"].includes("Scan") && table !== undefined;
  const how = node["Index Name"] ?? node["Node Type"];
  return [...(isScan ? [`${table} by ${how}`] : []), ...(node.Plans ?? []).flatMap(listPaths)];
}
