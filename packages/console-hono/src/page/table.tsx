/** @jsxImportSource hono/jsx */
import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";

/** One column of a table. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Child;
  /** Numbers stand right, digit under digit. */
  readonly isNumber?: boolean;
  /** Left out where no row has anything to say. Default: `false`. */
  readonly isOptional?: boolean;
  /** What a row is about. */
  readonly isTitle?: boolean;
}

export interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Tells rows apart between two looks. */
  readonly keyOf: (row: Row) => string;
  /** What stands there instead of no rows. */
  readonly empty: Child;
  /** Default: `false`; the heading above says what the table is. */
  readonly showsCaption?: boolean;
}

/**
 * A table that becomes a list of cards where there is no room for columns.
 *
 * The roles are said again, because a browser forgets them of rows that are no table rows on the screen.
 */
export function DataTable<Row>(props: TableProps<Row>): JSX.Element {
  const { caption, rows, keyOf, empty, showsCaption = false } = props;
  const columns = props.columns.filter(
    ({ isOptional, cell }) => isOptional !== true || rows.some((row) => !isBlank(cell(row))),
  );
  if (rows.length === 0) return <div class="empty">{empty}</div>;
  return (
    <div class="frame">
      <table class="rows" role="table">
        <caption class={showsCaption ? "" : "unseen"}>{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ head, isNumber }) => (
              <th role="columnheader" scope="col" class={isNumber === true ? "number" : ""}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr role="row" data-key={keyOf(row)}>
              {columns.map((column) => toCell(column, row))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function toCell<Row>({ head, cell, isNumber, isTitle }: Column<Row>, row: Row): JSX.Element {
  const content = cell(row);
  if (isTitle === true) {
    return (
      <th role="rowheader" scope="row">
        {content}
      </th>
    );
  }
  const classes = [isNumber === true ? "number" : "", isBlank(content) ? "blank" : ""];
  return (
    <td role="cell" class={classes.join(" ").trim()} data-head={head}>
      <span class="value">{content}</span>
    </td>
  );
}

function isBlank(content: Child): boolean {
  return content === "" || content === false || content === undefined || content === null;
}
