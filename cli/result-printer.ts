/** Scored rows as text: which of them, which of their fields, in which format. */
import { csv, jsonArray, jsonLines, type RecordFormat } from "./output-formats.ts";
import type { FormatName, OutputOptions } from "./output-options.ts";
import { chosenFields, freeName, responseRecords, rowRecords } from "./records.ts";
import type { Row } from "./row.ts";
import type { RowResult } from "./score-rows.ts";
import { isSelecting, type SelectionOptions, select } from "./selection.ts";
import { rankTable, scoreTable, type Table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface ResultPrinter extends Table {
  /** Called with every row that is read, long before its result. */
  onRow(row: Row): void;
  /** Called when all is written, whatever happened. */
  finish(): void;
}

interface PrinterTask {
  readonly format: FormatName;
  readonly order: "input" | "rank";
  readonly notice: string | undefined;
  readonly terminal: Terminal;
  readonly options: OutputOptions & SelectionOptions & { readonly perToken?: true };
}

export function resultPrinter(task: PrinterTask): ResultPrinter {
  const { format, order, notice, terminal, options } = task;
  if (format === "table") {
    const table = (order === "rank" ? rankTable : scoreTable)({ columns: terminal.columns, notice });
    return {
      ...table,
      row: (result) => {
        const selected = select(result, options);
        return selected === undefined ? "" : table.row(selected);
      },
      onRow() {},
      finish() {},
    };
  }
  return recordPrinter(task, format);
}

function recordPrinter({ order, terminal, options }: PrinterTask, format: Exclude<FormatName, "table">): ResultPrinter {
  const isTabular = format === "csv" || format === "tsv";
  const columns = new ColumnNames(order, options);
  const once = new Set<string>();
  const sayOnce = (about: string, message: string) => {
    if (once.has(about)) return;
    once.add(about);
    terminal.say(message);
  };
  const settings = {
    order,
    best: options.best === true,
    chosen: isSelecting(options),
    onRenamed: ({ row }: RowResult, names: ReadonlyMap<string, string>) =>
      sayOnce(
        "renamed",
        `note: ${row.where}: the output has fields of its own called ${quoted(names.keys())}; the input's are kept as ` +
          `${quoted(names.values())} (reported once)`,
      ),
  };
  const all = (isTabular ? responseRecords : rowRecords)(settings);
  const seen = new Set<string>();
  const toRecords = options.fields === undefined ? all : chosenFields(all, options.fields, seen);
  const lost = (names: readonly string[]) =>
    sayOnce(
      "lost",
      `warning: the header was written before a row had ${quoted(names)}: fields that come so late are left out; ` +
        "write to a file, or name all fields with --fields",
    );
  const formats: Record<typeof format, () => RecordFormat> = {
    jsonl: jsonLines,
    json: () => jsonArray(),
    csv: () => csv(",", () => columns.names(), options.fields === undefined ? lost : undefined),
    tsv: () => csv("\t", () => columns.names(), options.fields === undefined ? lost : undefined),
  };
  const writer = formats[format]();
  let rows = 0;
  return {
    begin: writer.begin,
    row(result) {
      rows += 1;
      const selected = select(result, options);
      return selected === undefined ? "" : toRecords(selected).map(writer.record).join("");
    },
    end: writer.end,
    onRow: (row) => columns.add(row),
    finish() {
      const missing = (options.fields ?? []).filter((name) => !seen.has(name));
      if (rows > 0 && missing.length > 0) terminal.say(`warning: --fields names ${quoted(missing)}, which no row has`);
    },
  };
}

function quoted(names: Iterable<string>): string {
  return Array.from(names, (name) => JSON.stringify(name)).join(", ");
}

/** The columns of a table, from the rows that were read before its first line is written. */
class ColumnNames {
  readonly #own = new Set<string>();
  readonly #order: "input" | "rank";
  readonly #options: PrinterTask["options"];
  #many = false;

  constructor(order: "input" | "rank", options: PrinterTask["options"]) {
    this.#order = order;
    this.#options = options;
  }

  add(row: Row): void {
    const { many, own, listField = "responses" } = row;
    this.#many ||= many;
    for (const name of own.keys()) if (!(many && name === listField)) this.#own.add(name);
  }

  names(): readonly string[] {
    const { fields, best, perToken } = this.#options;
    if (fields !== undefined) return fields;
    const many = this.#many || this.#order === "rank";
    const names = ["index"];
    if (many) names.push("responseIndex");
    if (many && best !== true) names.push("rank");
    names.push("score", "tokenCount", "truncated");
    if (perToken) names.push("tokenRewards");
    if (!isSelecting(this.#options)) names.push("errorCode", "errorMessage");
    if (many) names.push("response");
    const results = new Set(names);
    return [...names, ...[...this.#own].map((name) => freeName(name, this.#own, results))];
  }
}
