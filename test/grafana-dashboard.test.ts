import { expect, test } from "bun:test";

import {
  type Expression,
  listDashboardExpressions,
  readDashboard,
  readRuleExpressions,
} from "./support/monitoring.ts";
import { collectShownMetrics } from "./support/shown-metrics.ts";

const dashboard = readDashboard();
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const rows = dashboard.panels.filter(({ type }) => type === "row");
const expressions = listDashboardExpressions(dashboard);

/** Those of Prometheus itself, for whoever is scraped and for buckets. */
const commonLabels = ["instance", "le"];

/** The metrics that an expression asks for. A histogram's series bear its name and an ending. */
function metricsOf({ text }: Expression): readonly string[] {
  return [...text.matchAll(/\b(?:ai_worker|analysis)_\w+/g)].map(([name]) =>
    name.replace(/_seconds_(?:bucket|count|sum)$/, "_seconds"),
  );
}

/** The labels that an expression groups by or chooses by. */
function labelsOf({ text }: Expression): readonly string[] {
  const grouped = [...text.matchAll(/\b(?:by|on|without) \(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list.split(/,\s*/),
  );
  const chosen = [...text.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = ""]) => label);
  return [...grouped, ...chosen];
}

test("every panel says what it shows, in what unit and from where", () => {
  for (const { title, description, fieldConfig, targets = [], datasource } of panels) {
    expect(title).not.toBe("");
    expect(`${title}: ${description}`).toMatch(/: [A-Z].*\.$/);
    expect([title, fieldConfig?.defaults.unit]).not.toEqual([title, undefined]);
    expect([title, datasource?.uid]).toEqual([title, "${datasource}"]);
    expect([title, targets.length]).not.toEqual([title, 0]);
    expect(targets.map(({ refId }) => refId).join("")).toBe("ABCDEF".slice(0, targets.length));
  }
  expect(rows.map(({ title }) => title)).toEqual([
    "Backlog and lag",
    "Throughput and outcomes",
    "Durations by phase",
    "Leases",
    "Retries and dead letters",
    "Models",
    "Workers",
    "Database",
  ]);
});

test("no panel lies over another, and each is there once", () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  );

  expect(new Set(cells).size).toBe(cells.length);
  expect(dashboard.panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
  for (const key of ["id", "title"] as const) {
    expect(new Set(dashboard.panels.map((each) => each[key])).size).toBe(dashboard.panels.length);
  }
});

test("its source, queues and types are chosen above it", () => {
  const variables = dashboard.templating.list.map(({ name, type }) => [name, type]);

  expect(variables).toEqual([
    ["datasource", "datasource"],
    ["queue", "query"],
    ["type", "query"],
  ]);
  // What tells queues apart follows them.
  const asks = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  for (const expr of asks.filter((each) => each.includes("ai_worker_queue_"))) {
    expect(expr).toContain('queue=~"$queue",type=~"$type"');
  }
});

test("dashboard and alerts ask for nothing that no worker shows, by no label that has no bound", async () => {
  const shown = await collectShownMetrics();
  const labels = new Set([...shown.values()].flat());

  const asked = [...expressions, ...readRuleExpressions()];
  const unknown = asked.flatMap((each) =>
    metricsOf(each)
      .filter((name) => !shown.has(name))
      .map((name) => `${each.at}: ${name}`),
  );
  const unbounded = asked
    .filter(({ text }) => !text.startsWith("ALERTS"))
    .flatMap((each) =>
      labelsOf(each)
        .filter((label) => !labels.has(label) && !commonLabels.includes(label))
        .map((label) => `${each.at}: ${label}`),
    );

  expect(unknown).toEqual([]);
  expect(unbounded).toEqual([]);
  // They can tell, and nothing that a worker shows is left out of both.
  expect(metricsOf({ at: "", text: "sum(ai_worker_tenants)" })).toEqual(["ai_worker_tenants"]);
  expect(labelsOf({ at: "", text: 'sum by (tenant, le) (a{job_id="1"})' })).toEqual([
    "tenant",
    "le",
    "job_id",
  ]);
  const used = new Set(asked.flatMap(metricsOf));
  expect([...shown.keys()].filter((name) => !used.has(name))).toEqual([]);
});

test("counters are read as rates, and gauges of the database once for all workers", () => {
  for (const { at, text } of expressions) {
    const naked = text.replaceAll(/\b(?:rate|increase)\([^)]*\)/g, "");
    expect(`${at}: ${naked}`).not.toMatch(/_total\b|_bucket\b/);
    expect(`${at}: ${text}`).not.toMatch(
      /\bsum(?: by \([^)]*\))? \(?ai_worker_(?:queue|workers|breaker)/,
    );
  }
});
