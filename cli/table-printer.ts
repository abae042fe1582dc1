/** Scored rows as a table for people. */
import { type KeptWriter, keptRow, publisher } from "./kept-rows.ts";
import type { PrinterTask, ResultPrinter } from "./printer-task.ts";
import type { OutputRecord } from "./records.ts";
import type { RowResult } from "./score-rows.ts";
import { countKept, select, topOf } from "./selection.ts";
import { rankTable, scoreTable, type Table } from "./table.ts";

export function tablePrinter({ form, order, notice, terminal, options }: PrinterTask): ResultPrinter {
  const table = (order === "rank" ? rankTable : scoreTable)({ columns: terminal.columns, notice });
  const { kept, onLeftOut } = countKept(options);
  const ofRow = (result: RowResult, print: (selected: RowResult) => string) => {
    const selected = select(result, options);
    return selected === undefined ? "" : print(selected);
  };
  if (!form.held) return { ...table, ...kept, row: (result) => ofRow(result, table.row), onRow() {} };
  const top = topOf(options);
  return {
    begin: () => "",
    row: (result) => ofRow(result, (selected) => keptRow(recordOf(selected), selected, top)),
    end: () => "",
    ...kept,
    onRow() {},
    publish: publisher({ top, onLeftOut, compression: undefined, writer: async () => tableWriter(table) }),
  };
}

/** What the table shows of a row, as the one value of a record. */
function recordOf(result: RowResult): OutputRecord {
  const { index, many, items } = result.row;
  return new Map([["result", JSON.stringify({ ...result, row: { index, many, items: items.slice(0, 1) } })]]);
}

function tableWriter(table: Table): KeptWriter {
  return {
    async *bytes(records) {
      yield table.begin();
      for await (const record of records) yield table.row(JSON.parse(record.get("result") as string) as RowResult);
      yield table.end();
    },
  };
}
