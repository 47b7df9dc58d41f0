import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";

import { renderTable, type TableView } from "../src/command-line/table.ts";

interface Row {
  readonly name: string;
  readonly jobs?: number;
  readonly at?: Date;
}

const view: TableView<Row> = {
  name: ({ name }) => name,
  jobs: ({ jobs }) => jobs,
  "ended at": ({ at }) => at,
};

const plain = new PassThrough();

test("columns are as wide as what stands in them, and numbers stand to the right", () => {
  const rows = [
    { name: "learning", jobs: 7, at: new Date("2026-11-22T03:00:00.123Z") },
    { name: "グ", jobs: 12_000 },
    { name: "x" },
  ];

  expect(renderTable(rows, view, plain).split("\n")).toEqual([
    "name       jobs  ended at",
    "learning      7  2026-11-22T03:00:00Z",
    "グ        12000  -",
    "x             -  -",
  ]);
});

test("what others named cannot steer a terminal", () => {
  const table = renderTable([{ name: "a\u001b[2Jb\nc" }], view, plain);

  expect(table).toContain("a\ufffd[2Jb\ufffdc");
  expect(table.split("\n")).toHaveLength(2);
});

test("headings stand out for a person, and for nobody else", () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true });

  expect(renderTable([{ name: "a" }], view, terminal)).toStartWith("\u001b[1mname");
  expect(renderTable([{ name: "a" }], view, plain)).toStartWith("name");
});
