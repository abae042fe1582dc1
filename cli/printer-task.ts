/** What results are printed for. */
import type { OutputForm, OutputOptions } from "./output-options.ts";
import type { RowPrinter } from "./print-rows.ts";
import type { Row } from "./row.ts";
import type { RowResult } from "./score-rows.ts";
import type { SelectionOptions } from "./selection.ts";
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
