import { renderTable, type TableOutput, type TableView } from "./table.ts";

/** How a command answers on standard output: to people, or with `--json` to programs. */
export interface Answer {
  /** Rows: an aligned table, or one line with a JSON array of them. */
  rows<Row>(rows: readonly Row[], view: TableView<Row>, whenEmpty: string): void;
  /** One thing: lines of words, if any, or one line with a JSON object. */
  thing(value: object, lines: readonly string[]): void;
  /** Words for people alone. */
  say(line: string): void;
}

/** Flags that every command has. */
export interface AnswerFlags {
  readonly json?: true;
}

/**
 * Makes the answer of a command. What programs read is whole, with times as ISO 8601 in UTC, and what is unknown is
 * absent.
 */
export function createAnswer({ json }: AnswerFlags, output: TableOutput = process.stdout): Answer {
  if (json === true) {
    return {
      rows: (rows) => write(JSON.stringify(rows)),
      thing: (value) => write(JSON.stringify(value)),
      say: () => undefined,
    };
  }
  return {
    rows: (rows, view, whenEmpty) =>
      write(rows.length === 0 ? whenEmpty : renderTable(rows, view, output)),
    thing(_, lines) {
      if (lines.length > 0) write(lines.join("\n"));
    },
    say: write,
  };
}

/** The console writes all of it before it returns, also to a slow reader: the process ends right after. */
function write(line: string): void {
  console.log(line);
}
