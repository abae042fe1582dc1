/** The main loop of score, rank and tokenize: print each row as it comes, report failures, count. */
import type { ItemWarning } from "../src/index.ts";
import { counted, grouped } from "./counted.ts";
import { ClosedPipe, EXIT_DONE, EXIT_ROWS_FAILED, Interrupted } from "./errors.ts";
import type { RowHash } from "./fingerprint.ts";
import { WarningCounter } from "./library.ts";
import type { Done, Output, Publish } from "./output-types.ts";
import { clock, progressText, quantity } from "./progress-bar.ts";
import type { Row } from "./row.ts";
import { RowProblems } from "./row-problems.ts";
import type { Terminal } from "./terminal.ts";

/** Formats results; see result-printer.ts. */
export interface RowPrinter<T> {
  begin(): string;
  row(result: T): string;
  end(): string;
  /** For an output that is made when all rows are known: `row` returns lines to keep, and this is made of them. */
  readonly publish?: Publish;
  /** Where not all rows are written: how many of those that gave a text are. */
  kept?(records: number): number;
  /** Called when all is written, whatever happened. @returns an exit code, if that is no longer the one of the rows */
  finish?(): number | undefined;
}

/** Where results go, and what is said of the rows that they are of. */
export interface PrintTarget {
  readonly output: Output;
  readonly terminal: Terminal;
  /** What is said where there were none. */
  readonly noRows: string;
  /** Of the rows that an earlier run has done. */
  readonly hash: RowHash;
  /** Whether the end says what was done. */
  readonly summary: boolean;
  /** What the progress adds to: the work of which these rows are a part. */
  readonly base?: { readonly started: number; readonly rows: number; readonly tokens: number };
}

interface PrintOptions<T> extends PrintTarget {
  /** What the status line calls the work. */
  readonly label: string;
  readonly printer: RowPrinter<T>;
  /** Tokens evaluated so far. */
  readonly tokens: () => number;
}

interface RowOutcome {
  readonly row: Row;
  readonly error?: unknown;
  /** Reported once for all rows. */
  readonly warnings?: readonly ItemWarning[];
  readonly scored?: readonly { readonly truncated: boolean }[];
}

/** @returns the exit code */
export async function printRows<T extends RowOutcome>(
  results: AsyncIterable<T>,
  { label, printer, output, terminal, noRows, tokens, hash, summary, base }: PrintOptions<T>,
): Promise<number> {
  const { earlier } = output;
  let [rows, records, truncated] = [earlier?.rows ?? 0, earlier?.records ?? 0, earlier?.truncated ?? 0];
  let fraction: number | undefined;
  const problems = new RowProblems(terminal, earlier?.failed);
  const warnings = new WarningCounter();
  // Written with the first row: before it there is nothing to replace an old file with.
  let begun = records > 0;
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const print = async (text: string) => {
    await output.write(begun ? text : printer.begin() + text);
    begun = true;
  };
  const done = (): Done => {
    const allTokens = (earlier?.tokens ?? 0) + tokens();
    return { rows, records, truncated, failed: problems.count, tokens: allTokens, input: hash.hex };
  };
  let exitCode: number | undefined;
  try {
    terminal.showStatus(
      (columns, isLine) => {
        const counts = {
          rows: rows - (earlier?.rows ?? 0) + (base?.rows ?? 0),
          tokens: tokens() + (base?.tokens ?? 0),
        };
        const time = (performance.now() - (base?.started ?? started)) / 1000;
        return progressText({ label, fraction, seconds: time, counts, isLine }, columns);
      },
      { overRows: output.isStdout && !output.isHeld },
    );
    for await (const result of results) {
      const text = printer.row(result);
      if (text !== "") {
        await print(text);
        records += 1;
      }
      rows += 1;
      fraction = result.row.fraction;
      if (result.error !== undefined) problems.add(result.row.where, result.error);
      truncated += result.scored?.filter((one) => one.truncated).length ?? 0;
      warnings.add([...(result.row.warnings ?? []), ...(result.warnings ?? [])], result.row.where);
      if (output.save !== undefined) {
        hash.add(result.row);
        await output.save(done);
      }
      terminal.redrawStatus();
    }
    if (output.isHeld) terminal.endStatus();
    if (rows > 0 || output.replaces === undefined) await print(printer.end());
    await output.complete?.(done(), printer.publish);
  } catch (error) {
    if (error instanceof ClosedPipe) return EXIT_DONE;
    await output.save?.(done, true).catch(() => {});
    // Keep what was printed: close the format before the error is reported.
    if (!output.isHeld && (rows > 0 || output.isStdout)) await print(printer.end()).catch(() => {});
    if (error instanceof Interrupted) terminal.say(`stopped after ${counted(rows, "row")}${resumable(output, rows)}`);
    throw error;
  } finally {
    terminal.endStatus();
    problems.end(rows);
    exitCode = printer.finish?.();
    for (const sentence of warnings.sentences()) terminal.say(`warning: ${sentence}`);
  }
  if (rows === 0) terminal.note(`${noRows}${output.replaces === undefined ? "" : `; ${output.replaces} is unchanged`}`);
  else if (summary)
    terminal.note(summaryOf({ ...done(), kept: printer.kept?.(records) }, earlier?.rows ?? 0, tokens(), seconds()));
  else if (problems.count > 0 && rows > 1) terminal.say(failedText(done()));
  return exitCode ?? (problems.count > 0 ? EXIT_ROWS_FAILED : EXIT_DONE);
}

function resumable(output: Output, rows: number): string {
  return output.save !== undefined && rows > 0 ? "; --resume continues from there" : "";
}

function failedText({ failed, rows }: Done): string {
  return `${grouped(failed)} of ${grouped(rows)} rows failed`;
}

/** The rates are those of this run. */
function summaryOf(
  done: Done & { readonly kept: number | undefined },
  before: number,
  tokens: number,
  seconds: number,
): string {
  const { rows, kept, failed, truncated } = done;
  const rate = (count: number, name: string) => (seconds > 0 ? `${quantity(count / seconds)} ${name}/s` : "");
  return [
    `${grouped(rows)} ${rows === 1 ? "row" : "rows"}${before > 0 ? ` (${grouped(before)} of them earlier)` : ""}`,
    ...(kept === undefined ? [] : [kept === 0 ? "none kept" : `${grouped(kept)} kept`]),
    `${grouped(done.tokens)} tokens`,
    `${clock(seconds)} (${rate(rows - before, "rows")}, ${rate(tokens, "tokens")})`,
    truncated === 0 ? "none truncated" : `${grouped(truncated)} ${truncated === 1 ? "text" : "texts"} truncated`,
    failed === 0 ? "none failed" : failedText(done),
  ].join(", ");
}
