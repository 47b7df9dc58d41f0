import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";
import { z } from "zod";

const deploy = join(import.meta.dirname, "../../deploy");

/** Where the alerts are. */
export const rulesPath: string = join(deploy, "prometheus/rules.yaml");

/** An expression, and where it stands. */
export interface Expression {
  readonly at: string;
  readonly text: string;
}

const rulesFile = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});

/** The alerts' expressions as they are. */
export function readRuleExpressions(): readonly Expression[] {
  const { groups } = rulesFile.parse(parse(readFileSync(rulesPath, "utf8")));
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ at: alert, text: expr })));
}

/** What an alert compares: it answers nothing itself while all is well, and these always do. */
export function splitAlert({ at, text }: Expression): readonly Expression[] {
  return text.split(/ and (?![^(]*\))/).map((part) => ({
    at,
    text: part
      .replace(/\s*(?:==|!=|>=?|<=?)\s*[\d.]+\s*$/, "")
      .replace(/^absent\((.*)\)\s*$/s, "$1"),
  }));
}

interface Datasource {
  readonly type: "prometheus";
  readonly uid: "${datasource}";
}

/** A panel, or the heading of a row of them. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string | undefined;
  readonly datasource?: Datasource | undefined;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } } | undefined;
  readonly targets?:
    | readonly {
        readonly expr: string;
        readonly legendFormat: string;
        readonly refId: string;
        readonly datasource: Datasource;
      }[]
    | undefined;
}

/** A dashboard for Grafana, as far as we look at it. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[];
  };
  readonly annotations: { readonly list: readonly { readonly expr?: string | undefined }[] };
  readonly panels: readonly Panel[];
}

const datasource: z.ZodType<Datasource> = z.object({
  type: z.literal("prometheus"),
  uid: z.literal("${datasource}"),
});

const panel: z.ZodType<Panel> = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  description: z.string().optional(),
  datasource: datasource.optional(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  fieldConfig: z.object({ defaults: z.object({ unit: z.string() }) }).optional(),
  targets: z
    .array(z.object({ expr: z.string(), legendFormat: z.string(), refId: z.string(), datasource }))
    .optional(),
});

const dashboardFile: z.ZodType<Dashboard> = z.object({
  uid: z.string(),
  title: z.string(),
  schemaVersion: z.number(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  annotations: z.object({ list: z.array(z.object({ expr: z.string().optional() })) }),
  panels: z.array(panel),
});

/** Reads the dashboard that is deployed. */
export function readDashboard(): Dashboard {
  const text = readFileSync(join(deploy, "grafana/leasehold.json"), "utf8");
  return dashboardFile.parse(JSON.parse(text));
}

/** What the dashboard asks, with its variables as Grafana fills them in when everything is chosen. */
export function listDashboardExpressions(dashboard: Dashboard): readonly Expression[] {
  const fill = (text: string): string =>
    text.replaceAll("$__rate_interval", "1m").replaceAll("$queue", ".*").replaceAll("$type", ".*");
  const ofPanels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ at: title, text: fill(expr) })),
  );
  const ofAnnotations = dashboard.annotations.list.flatMap(({ expr }) =>
    expr === undefined ? [] : [{ at: "annotations", text: fill(expr) }],
  );
  return [...ofPanels, ...ofAnnotations];
}
