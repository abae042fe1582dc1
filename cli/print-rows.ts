/** The main loop of score, rank and tokenize: print each row as it comes, report failures, count. */
import type { ItemWarning } from "../src/index.ts";
import { counted } from "./counted.ts";
import { ClosedPipe, EXIT_DONE, EXIT_ROWS_FAILED, Interrupted } from "./errors.ts";
import { WarningCounter } from "./library.ts";
import type { Output } from "./output.ts";
import { progressText } from "./progress-bar.ts";
import type { Row } from "./row.ts";
import { RowProblems } from "./row-problems.ts";
import type { Terminal } from "./terminal.ts";

/** Formats results; see output-formats.ts. */
interface RowPrinter<T> {
  begin(): string;
  row(result: T): string;
  end(): string;
  /** Called when all is written, whatever happened. */
  finish?(): void;
}

interface PrintOptions<T> {
  /** What the status line calls the work. */
  readonly label: string;
  readonly printer: RowPrinter<T>;
  readonly output: Output;
  readonly terminal: Terminal;
  /** The input's name in messages. */
  readonly inputName: string;
  /** Tokens evaluated so far. */
  readonly tokens: () => number;
}

interface RowOutcome {
  readonly row: Row;
  readonly error?: unknown;
  /** Reported once for all rows. */
  readonly warnings?: readonly ItemWarning[];
}

/** @returns the exit code */
export async function printRows<T extends RowOutcome>(
  results: AsyncIterable<T>,
  { label, printer, output, terminal, inputName, tokens }: PrintOptions<T>,
): Promise<number> {
  let rows = 0;
  let fraction: number | undefined;
  const problems = new RowProblems(terminal);
  const warnings = new WarningCounter();
  // Written with the first row: before it there is nothing to replace an old file with.
  let begun = false;
  const started = performance.now();
  const print = async (text: string) => {
    if (output.isStdout && terminal.isTerminal("stdout")) terminal.hideStatus();
    await output.write(begun ? text : printer.begin() + text);
    begun = true;
  };
  try {
    terminal.showStatus((columns) => {
      const seconds = (performance.now() - started) / 1000;
      return progressText({ label, fraction, seconds, counts: { rows, tokens: tokens() } }, columns);
    });
    for await (const result of results) {
      const text = printer.row(result);
      if (text !== "") await print(text);
      rows += 1;
      fraction = result.row.fraction;
      if (result.error !== undefined) problems.add(result.row.where, result.error);
      warnings.add([...(result.row.warnings ?? []), ...(result.warnings ?? [])], result.row.where);
      terminal.redrawStatus();
    }
    if (rows > 0 || output.replaces === undefined) await print(printer.end());
  } catch (error) {
    if (error instanceof ClosedPipe) return EXIT_DONE;
    // Keep what was printed: close the format before the error is reported.
    if (rows > 0 || output.isStdout) await print(printer.end()).catch(() => {});
    if (error instanceof Interrupted) terminal.say(`stopped after ${counted(rows, "row")}`);
    throw error;
  } finally {
    terminal.endStatus();
    problems.end(rows);
    printer.finish?.();
    for (const sentence of warnings.sentences()) terminal.say(`warning: ${sentence}`);
  }
  if (rows === 0)
    terminal.say(`${inputName} has no rows${output.replaces === undefined ? "" : `; ${output.replaces} is unchanged`}`);
  if (problems.count > 0 && rows > 1) terminal.say(`${problems.count} of ${rows} rows failed`);
  return problems.count > 0 ? EXIT_ROWS_FAILED : EXIT_DONE;
}
