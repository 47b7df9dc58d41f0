import { styleText } from "node:util";

/** What stands in a cell. Nothing is shown as a dash. */
export type Cell = string | number | boolean | Date | undefined;

/** What a table shows of a row, column by column, under which headings. */
export type TableView<Row> = Readonly<Record<string, (row: Row) => Cell>>;

/** What a table is written to: `process.stdout` fits. */
export type TableOutput = NodeJS.WritableStream & { readonly isTTY?: boolean };

/**
 * Renders an aligned table, numbers to the right. Headings are bold where a person looks on and `NO_COLOR` is not set.
 */
export function renderTable<Row>(
  rows: readonly Row[],
  view: TableView<Row>,
  output: TableOutput,
): string {
  const columns = Object.entries(view).map(([title, read]) => {
    const values = rows.map(read);
    const cells = values.map(toText);
    const width = Math.max(...[title, ...cells].map((cell) => Bun.stringWidth(cell)));
    const isNumeric =
      values.some(isNumber) && values.every((value) => value === undefined || isNumber(value));
    return { title: pad(title, width, isNumeric), cells, width, isNumeric };
  });
  const heading = columns.map(({ title }) => title).join("  ");
  const lines = rows.map((_, index) =>
    columns
      .map(({ cells, width, isNumeric }) => pad(cells[index] ?? "", width, isNumeric))
      .join("  ")
      .trimEnd(),
  );
  return [styleText("bold", heading.trimEnd(), { stream: output }), ...lines].join("\n");
}

/** A moment as people and other commands read it: to the second, in UTC. */
export function toMoment(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, "Z");
}

/** Names are other people's: a terminal must not be told what to do by one of them. */
export function toPlainText(text: string): string {
  // eslint-disable-next-line no-control-regex -- Control characters are what it is about.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

function toText(value: Cell): string {
  if (value === undefined || value === "") return "-";
  if (value instanceof Date) return toMoment(value);
  return toPlainText(String(value));
}

function isNumber(value: Cell): boolean {
  return typeof value === "number";
}

function pad(text: string, width: number, isNumeric: boolean): string {
  const space = " ".repeat(width - Bun.stringWidth(text));
  return isNumeric ? space + text : text + space;
}
