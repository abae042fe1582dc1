/** Scored rows as text: which of them, which of their fields, in which format. */
import { type RecordColumns, tableColumns } from "./columns.ts";
import { type KeptWriter, keptLine, promptKey, publisher, textWriter } from "./kept-rows.ts";
import { loadWriters, packageVersion } from "./library.ts";
import { csv, jsonArray, jsonLines, type RecordFormat } from "./output-formats.ts";
import type { OutputForm, OutputOptions } from "./output-options.ts";
import type { RowPrinter } from "./print-rows.ts";
import { chosenFields, nameBefore, type OutputRecord, responseRecords, rowRecords, type ToRecords } from "./records.ts";
import type { Row } from "./row.ts";
import type { RowResult } from "./score-rows.ts";
import { isSelecting, type SelectionOptions, select, topOf } from "./selection.ts";
import { rankTable, scoreTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface ResultPrinter extends RowPrinter<RowResult> {
  /** Called with every row that is read, long before its result. */
  onRow(row: Row): void;
}

export interface PrinterTask {
  readonly form: OutputForm;
  readonly order: "input" | "rank";
  readonly notice: string | undefined;
  readonly terminal: Terminal;
  readonly options: OutputOptions & SelectionOptions & { readonly perToken?: true };
  /** The files that rows are read from. */
  readonly files: readonly string[];
  /** Records that an earlier run has written. */
  readonly before: number;
}

export function resultPrinter(task: PrinterTask): ResultPrinter {
  return task.form.format === "table" ? tablePrinter(task) : recordPrinter(task);
}

function tablePrinter({ order, notice, terminal, options }: PrinterTask): ResultPrinter {
  const table = (order === "rank" ? rankTable : scoreTable)({ columns: terminal.columns, notice });
  const row = (result: RowResult) => {
    const selected = select(result, options);
    return selected === undefined ? "" : table.row(selected);
  };
  return { ...table, row, onRow() {} };
}

function recordPrinter(task: PrinterTask): ResultPrinter {
  const { form, options, terminal } = task;
  const seen = new Set<string>();
  let written = 0;
  const toRecords = recordsOf(task, seen);
  const recordsOfRow = (result: RowResult) => {
    const selected = select(result, options);
    if (selected !== undefined) written += 1;
    return selected === undefined ? [] : toRecords(selected).map((record) => [record, selected] as const);
  };
  const finish = () => {
    const missing = (options.fields ?? []).filter((name) => !seen.has(name));
    if (written > 0 && missing.length > 0) terminal.say(`warning: --fields names ${quoted(missing)}, which no row has`);
  };
  const columns = tableColumns(task);
  if (form.held) {
    const top = task.order === "rank" ? undefined : topOf(options);
    return {
      begin: () => "",
      row: (result) =>
        recordsOfRow(result)
          .map(([record, selected]) => {
            if (top === undefined || selected.row.many || "error" in selected) return keptLine(record, undefined, "");
            return keptLine(record, selected.scored[0]?.score, promptKey(selected.row.items[0]));
          })
          .join(""),
      end: () => "",
      onRow() {},
      finish,
      publish: publisher({ top, writer: () => keptWriter(task, columns), compression: form.compression }),
    };
  }
  const writer = formatOf(task, columns);
  return {
    begin: writer.begin,
    row: (result) =>
      recordsOfRow(result)
        .map(([record]) => writer.record(record))
        .join(""),
    end: writer.end,
    onRow: (row) => columns.expect(row),
    finish,
  };
}

function recordsOf({ form, order, terminal, options }: PrinterTask, seen: Set<string>): ToRecords {
  let isSaid = false;
  const settings = {
    order,
    best: options.best === true,
    chosen: isSelecting(options),
    onRenamed: ({ row }: RowResult, names: ReadonlyMap<string, string>) => {
      if (isSaid) return;
      isSaid = true;
      terminal.note(
        `note: ${row.where}: the output has fields of its own called ${quoted(names.keys())}; the input's are kept as ` +
          `${quoted(names.values())} (reported once)`,
      );
    },
  };
  const all = (form.isFlat ? responseRecords : rowRecords)(settings);
  return options.fields === undefined ? all : chosenFields(all, options.fields, seen);
}

function formatOf({ form, options, terminal, before }: PrinterTask, columns: RecordColumns): RecordFormat {
  let isSaid = false;
  const onLost = (names: readonly string[]) => {
    if (isSaid) return;
    isSaid = true;
    terminal.say(
      `warning: the header was written before a row had ${quoted(names)}: fields that come so late are left out; ` +
        "write to a file, or name all fields with --fields",
    );
  };
  const table = (delimiter: "," | "\t") =>
    csv(delimiter, () => columns.names(), options.fields === undefined ? onLost : undefined);
  switch (form.format) {
    case "csv":
      return table(",");
    case "tsv":
      return table("\t");
    case "json":
      return jsonArray(form.held ? 0 : before);
    default:
      return jsonLines();
  }
}

/** Columns of scores, and parts of such. */
const FRACTIONS: ReadonlySet<string> = new Set(["score", "scores", "rewards"]);

async function keptWriter(task: PrinterTask, columns: RecordColumns): Promise<KeptWriter> {
  const { form, terminal, files } = task;
  if (form.format !== "parquet") {
    const look = form.isTable ? (record: OutputRecord) => columns.look(record) : undefined;
    return textWriter(() => formatOf(task, columns), look);
  }
  const { ParquetFile, sourceColumns } = await loadWriters();
  const source = await sourceColumns(files);
  const file = new ParquetFile({
    names: () => columns.names(),
    fractions: FRACTIONS,
    source: (name) => source(name) ?? source(nameBefore(name)),
    createdBy: `starling-rm version ${packageVersion()}`,
  });
  return {
    look(record) {
      columns.look(record);
      file.look(record);
    },
    async *bytes(records) {
      if (file.mixed.length > 0)
        terminal.note(`note: the values of ${quoted(file.mixed)} have no type in common: written as JSON text`);
      yield* file.bytes(records);
    },
  };
}

function quoted(names: Iterable<string>): string {
  return Array.from(names, (name) => JSON.stringify(name)).join(", ");
}
