import enqueueTemplate from "../../sql/compatibility/compatibility_enqueue.sql" with { type: "text" };
import viewTemplate from "../../sql/compatibility/compatibility_view.sql" with { type: "text" };
import waitingTemplate from "../../sql/compatibility/compatibility_waiting.sql" with { type: "text" };
import writeTemplate from "../../sql/compatibility/compatibility_write.sql" with { type: "text" };
import { quoteIdentifier } from "../database/database.ts";
import { WorkerError } from "../errors.ts";

/** What the view itself knows of a job. */
export type CompatibilityField =
  /** The job's uuid. A view has this one or `number`; an INSERT may choose it. */
  | "id"
  /** The job's number, a bigint, which only Postgres chooses. */
  | "number"
  | "status"
  /** When a job may be claimed. An INSERT, and an UPDATE that requeues, may say it. */
  | "dueAt"
  | "worker"
  /** Another uuid for each lease, which gives nobody a right to it. */
  | "leaseKey"
  | "leasedUntil"
  /** Charged failures, as an integer. */
  | "failures"
  /** Of a job that ended badly. */
  | "code"
  | "createdAt"
  | "updatedAt";

/** A column that is not one of the fields. */
export interface CompatibilityExpression {
  /** An expression over `j` (the job), `p` (its place: `status`, `due_at`, `phase`, `code`) and `c` (its counters). */
  readonly sql: string;
  /** Whether an UPDATE may say anything about it, which then means nothing. Default: it must stay as it is. */
  readonly isFree?: boolean;
}

/** A job table of a host, as it was before its jobs moved here. */
export interface CompatibilityView {
  /** With its schema, such as `public.events_queue`. */
  readonly name: string;
  /** Its trigger, and the function that this calls, which lives beside ours. */
  readonly writer: string;
  readonly type: string;
  /** Only jobs of which this expression over `j` is true. Default: all of the type. */
  readonly only?: string;
  /**
   * Whether phases of the type wait for signals or children: such a job is queued, for later. Default: true. Without them
   * the view is spared a look.
   */
  readonly canWait?: boolean;
  /** The table's words for where a job is. A dead one is `failed` where it has no word of its own. */
  readonly states: {
    readonly queued: string;
    readonly leased: string;
    readonly failed: string;
    readonly dead?: string;
  };
  /** In their order. */
  readonly columns: Readonly<Record<string, CompatibilityField | CompatibilityExpression>>;
  /**
   * What an INSERT enqueues, with expressions over `new`; or, as a text, an expression that enqueues by itself and answers
   * the job's id, over `new` and `v_delay_ms`.
   */
  readonly enqueue:
    | string
    | {
        readonly version: number;
        readonly phase: string;
        readonly payload: string;
        /** Default: `default`. */
        readonly queue?: string;
      };
  /** What erases a job that ended badly, for the message of a DELETE that is refused. Default: `redact_subject`. */
  readonly erasedBy?: string;
}

const fieldSql: Readonly<Record<CompatibilityField, string>> = {
  id: "j.public_id",
  number: "j.id",
  status: "p.status",
  dueAt: "p.due_at",
  worker: "p.worker",
  leaseKey: "p.lease_key",
  leasedUntil: "p.leased_until",
  failures: "coalesce(c.failures, 0)::integer",
  code: "p.code",
  createdAt: "j.created_at",
  updatedAt: "coalesce(p.moved_at, c.last_at, j.created_at)",
};

/**
 * Writes the view of a job table, and what writing to it means, as definitions of a host's bundle: what its operators know
 * goes on working. INSERT enqueues, DELETE cancels, and UPDATE back to the queued form requeues, or takes back a lease that
 * ran out; whatever would take a lease is refused with the sentence to go by. Expressions are spliced in as they are: they
 * are the host's own program. Throws `config_invalid`.
 */
export function renderCompatibilityView(view: CompatibilityView): readonly string[] {
  checkView(view);
  const places = toPlaces(view);
  const writer = `:"schema".${quoteIdentifier(view.writer)}`;
  return [
    fill(viewTemplate, places),
    fill(writeTemplate, places).replaceAll(':"schema".compatibility_write', () => writer),
  ];
}

type Places = Readonly<Record<string, string>>;

function toPlaces(view: CompatibilityView): Places {
  const { states } = view;
  const words = {
    queued: quoteLiteral(states.queued),
    leased: quoteLiteral(states.leased),
    failed: quoteLiteral(states.failed),
    dead: quoteLiteral(states.dead ?? states.failed),
  };
  const due = columnOf(view, "dueAt");
  const number = columnOf(view, "number");
  const key = number ?? columnOf(view, "id") ?? "id";
  const erasedBy = view.erasedBy ?? "let redact_subject erase what it held";
  const target: Places = {
    view: view.name.split(".").map(quoteIdentifier).join("."),
    trigger: quoteIdentifier(view.writer),
    type: quoteLiteral(view.type),
    only: `(${view.only ?? "true"})`,
    columns: Object.entries(view.columns)
      .map(([name, column]) => `${sqlOf(column)} as ${quoteIdentifier(name)}`)
      .join(",\n  "),
  };
  return {
    ...words,
    ...target,
    waiting: view.canWait === false ? "" : fill(waitingTemplate.trim(), words),
    key: quoteIdentifier(key),
    status: quoteIdentifier(columnOf(view, "status") ?? "status"),
    due: due === undefined ? "v_now" : `new.${quoteIdentifier(due)}`,
    kept: quoteLiteral(`A job that failed is kept: requeue it, or ${erasedBy}.`),
    fixed: isChanged(view, isFixed),
    fixed_while_queued: isChanged(view, (column) => column === "dueAt" || column === "failures"),
    ...(number === undefined
      ? { old_id: `old.${quoteIdentifier(key)}`, new_key: "v_id", may_insert: "true" }
      : toNumberPlaces(number)),
    enqueue: toEnqueue(view, target),
  };
}

/** A number is made by Postgres, so an INSERT that brings one asks for what cannot be. */
function toNumberPlaces(name: string): Places {
  const column = quoteIdentifier(name);
  return {
    old_id: `(select j.public_id from :"schema".job as j where j.id = old.${column})`,
    new_key: `(select j.id from :"schema".job as j where j.public_id = v_id)`,
    may_insert: `new.${column} is null`,
  };
}

function toEnqueue(view: CompatibilityView, { type = "" }: Places): string {
  const { enqueue } = view;
  if (typeof enqueue === "string") return enqueue;
  const id = columnOf(view, "id");
  return fill(enqueueTemplate.trim(), {
    type,
    new_id: id === undefined ? "null" : `new.${quoteIdentifier(id)}`,
    version: String(enqueue.version),
    phase: quoteLiteral(enqueue.phase),
    queue: quoteLiteral(enqueue.queue ?? "default"),
    payload: enqueue.payload,
  });
}

/** What an UPDATE must leave as it is: who a job is, and what it was enqueued with. */
function isFixed(column: CompatibilityField | CompatibilityExpression): boolean {
  if (typeof column !== "string") return column.isFree !== true;
  return column === "id" || column === "number" || column === "createdAt";
}

function isChanged(
  { columns }: CompatibilityView,
  isOne: (column: CompatibilityField | CompatibilityExpression) => boolean,
): string {
  const names = Object.entries(columns).flatMap(([name, column]) =>
    isOne(column) ? [quoteIdentifier(name)] : [],
  );
  if (names.length === 0) return "false";
  const row = (of: string): string => `row(${names.map((name) => `${of}.${name}`).join(", ")})`;
  return `${row("new")} is distinct from ${row("old")}`;
}

function checkView({ name, columns, states, writer }: CompatibilityView): void {
  const fields = Object.values(columns).filter((column) => typeof column === "string");
  const problems: string[] = [];
  if (!/^[^.]+\.[^.]+$/.test(name)) problems.push("name must be a schema and a name");
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(writer)) problems.push("writer must be a plain name");
  if (fields.length !== new Set(fields).size) problems.push("a field stands in two columns");
  if (!fields.includes("status")) problems.push("no column has the status");
  if (fields.includes("id") === fields.includes("number")) {
    problems.push("one column must have the id or the number");
  }
  const words = new Set([states.queued, states.leased, states.failed]);
  if (words.size < 3) problems.push("queued, leased and failed must be three words");
  if (problems.length === 0) return;
  throw new WorkerError("config_invalid", `View ${name} refused: ${problems.join("; ")}.`, {
    scope: "config",
  });
}

function columnOf(view: CompatibilityView, field: CompatibilityField): string | undefined {
  return Object.entries(view.columns).find(([, column]) => column === field)?.[0];
}

function sqlOf(column: CompatibilityField | CompatibilityExpression): string {
  return typeof column === "string" ? fieldSql[column] : column.sql;
}

function fill(template: string, places: Places): string {
  return template.replaceAll(/:\{(\w+)\}/g, (place, name: string) => places[name] ?? place);
}

/** The body of a function stands between dollars. */
function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''").replaceAll("$", "")}'`;
}
