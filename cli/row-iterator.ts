/** Rows one by one, for what looks at some of them before it passes on the others. */
import type { Row } from "./row.ts";

export type RowIterator = Iterator<Row> | AsyncIterator<Row>;

export function rowIterator(rows: Iterable<Row> | AsyncIterable<Row>): RowIterator {
  return Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
}

/** The rows that an iterator still has, after those that were taken from it to look at. */
export async function* remainingRows(iterator: RowIterator, taken: readonly Row[] = []): AsyncGenerator<Row> {
  try {
    yield* taken;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
