/** Rows that an earlier run has done: they are read again, compared, and left out. */
import { counted } from "./counted.ts";
import { EXIT_DONE, EXIT_ROWS_FAILED, UsageError } from "./errors.ts";
import { RowHash } from "./fingerprint.ts";
import type { Checkpoint } from "./library.ts";
import type { Row } from "./row.ts";
import { remainingRows, rowIterator } from "./row-iterator.ts";
import type { Terminal } from "./terminal.ts";

export interface RemainingRows {
  readonly rows: AsyncIterable<Row>;
  /** Of the rows that were left out. */
  readonly hash: RowHash;
}

/** @throws UsageError where they are not the rows of the earlier run */
export async function withoutEarlier(
  rows: Iterable<Row> | AsyncIterable<Row>,
  earlier: Checkpoint | undefined,
  output: string,
  signal: AbortSignal,
): Promise<RemainingRows> {
  const iterator = rowIterator(rows);
  const hash = new RowHash();
  const changed = () => new UsageError(`${output} cannot be resumed: the input has changed; --force starts over`);
  for (let done = 0; done < (earlier?.rows ?? 0); done++) {
    signal.throwIfAborted();
    const next = await iterator.next();
    if (next.done) throw changed();
    hash.add(next.value);
  }
  if (earlier !== undefined && hash.hex !== earlier.input) throw changed();
  if (earlier?.complete === true && !(await iterator.next()).done) throw changed();
  return { rows: { [Symbol.asyncIterator]: () => remainingRows(iterator) }, hash };
}

/** @returns the exit code of the run that completed it */
export function sayComplete(terminal: Terminal, output: string, { rows, failed }: Checkpoint): number {
  terminal.note(`${output} is complete (${counted(rows, "row")}): nothing to do`);
  return failed > 0 ? EXIT_ROWS_FAILED : EXIT_DONE;
}
