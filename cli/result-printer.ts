/** Scored rows as text: which of them, which of their fields, in which format. */
import { type RecordColumns, tableColumns } from "./columns.ts";
import { EXIT_FATAL } from "./errors.ts";
import { type KeptWriter, keptRow, publisher, textWriter } from "./kept-rows.ts";
import { loadWriters, packageVersion } from "./library.ts";
import { csv, jsonArray, jsonLines, type RecordFormat } from "./output-formats.ts";
import type { PrinterTask, ResultPrinter } from "./printer-task.ts";
import {
  chosenFields,
  isErrorName,
  nameBefore,
  type OutputRecord,
  type RecordOptions,
  responseRecords,
  rowRecords,
  type ToRecords,
} from "./records.ts";
import type { RowResult } from "./score-rows.ts";
import { countKept, isSelecting, select, topOf } from "./selection.ts";
import { tablePrinter } from "./table-printer.ts";

type RecordsTask = Pick<PrinterTask, "form" | "order" | "options"> & Pick<RecordOptions, "onRenamed">;

export function resultPrinter(task: PrinterTask): ResultPrinter {
  return task.form.format === "table" ? tablePrinter(task) : recordPrinter(task);
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
    // An earlier run may have written rows with the fields.
    if (options.fields === undefined || written === 0 || (seen.size === 0 && task.before > 0)) return undefined;
    if (seen.size === 0) {
      terminal.say("no row has any of the fields that --fields names");
      return EXIT_FATAL;
    }
    const missing = options.fields.filter((name) => !seen.has(name) && !isErrorName(name));
    if (missing.length > 0) terminal.say(`warning: --fields names ${quoted(missing)}, which no row has`);
    return undefined;
  };
  const columns = tableColumns(task);
  const { kept, onLeftOut } = countKept(options);
  if (form.held) {
    const top = task.order === "rank" ? undefined : topOf(options);
    return {
      begin: () => "",
      row: (result) =>
        recordsOfRow(result)
          .map(([record, selected]) => keptRow(record, selected, top))
          .join(""),
      end: () => "",
      onRow() {},
      finish,
      ...kept,
      publish: publisher({
        ...{ top, onLeftOut, compression: form.compression },
        writer: () => keptWriter(task, columns),
      }),
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
    ...kept,
  };
}

function recordsOf({ form, order, terminal, options }: PrinterTask, seen: Set<string>): ToRecords {
  let isSaid = false;
  const all = allRecords({
    ...{ form, order, options },
    onRenamed: ({ row }: RowResult, names: ReadonlyMap<string, string>) => {
      if (isSaid) return;
      isSaid = true;
      terminal.note(
        `note: ${row.where}: input fields with the names of results are renamed: ${renamed(names)} (reported once)`,
      );
    },
  });
  return options.fields === undefined ? all : chosenFields(all, options.fields, seen);
}

/** Records with all their fields. */
export function allRecords({ form, order, options, onRenamed }: RecordsTask): ToRecords {
  const settings = { order, best: options.best === true, chosen: isSelecting(options), onRenamed };
  return (form.isFlat ? responseRecords : rowRecords)(settings);
}

function formatOf({ form, options, terminal, before }: PrinterTask, columns: RecordColumns): RecordFormat {
  let isSaid = false;
  const onLost = (names: readonly string[]) => {
    if (isSaid) return;
    isSaid = true;
    terminal.say(
      `warning: fields that first appear after the header are left out: ${quoted(names)}; write to a file, or list all ` +
        "fields with --fields",
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
        terminal.note(`note: the values of ${quoted(file.mixed)} have different types and are written as JSON text`);
      yield* file.bytes(records);
    },
  };
}

function renamed(names: ReadonlyMap<string, string>): string {
  return Array.from(names, ([before, after]) => `${JSON.stringify(before)} to ${JSON.stringify(after)}`).join(", ");
}

function quoted(names: Iterable<string>): string {
  return Array.from(names, (name) => JSON.stringify(name)).join(", ");
}
