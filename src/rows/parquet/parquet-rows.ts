/**
 * The rows of a parquet file. A row group may be the whole file, so it is read by pages: memory holds one page of
 * each column and its dictionary.
 */
import type { DecodedArray } from "hyparquet";
import type { ByteSource } from "../../files/byte-source.ts";
import { damaged, guarded } from "../damaged.ts";
import type { Row } from "../row.ts";
import { assembleValue } from "./assemble.ts";
import { ColumnReader } from "./column-reader.ts";
import { type ParquetFooter, type RowGroup, readFooter } from "./footer.ts";
import { plainRow } from "./values.ts";

/** Rows that are put together at once: enough to be quick, few enough to hold with long texts. */
const MAX_BATCH_ROWS = 256;

/**
 * @param onFraction called with the part of the rows that came, from 0 to 1
 * @throws FileError ERR_INVALID_DATA for a file that cannot be read on
 */
export async function* parquetRows(source: ByteSource, onFraction?: (fraction: number) => void): AsyncGenerator<Row> {
  const footer = await readFooter(source);
  const rows = footer.groups.reduce((sum, group) => sum + group.rows, 0);
  let row = 0;
  let endOffset = 0;
  for (const [index, group] of footer.groups.entries())
    for await (const value of groupRows(source, footer, group, index)) {
      row += 1;
      const { characters, ...plain } = plainRow(value);
      endOffset += characters;
      onFraction?.(row / rows);
      yield { row, where: `row ${row}`, endOffset, isTable: true, ...plain };
    }
}

async function* groupRows(
  source: ByteSource,
  { leaves }: ParquetFooter,
  group: RowGroup,
  index: number,
): AsyncGenerator<Record<string, unknown>> {
  const readers = new Map<string, ColumnReader>();
  for (const { name, path } of [...leaves.values()].flat()) {
    const chunk = group.chunks.get(name);
    if (chunk !== undefined) readers.set(name, await ColumnReader.open(source, { name, path }, chunk));
  }
  const where = `its row group ${index + 1}`;
  if (readers.size === 0 && group.rows > 0) throw damaged(source.path, `is damaged: ${where} has rows without columns`);
  for (let left = group.rows; left > 0; ) {
    let count = Math.min(left, MAX_BATCH_ROWS);
    for (const reader of readers.values()) count = Math.min(count, await reader.available());
    if (count === 0) throw damaged(source.path, `is damaged: ${where} ends ${left} rows too early`);
    left -= count;
    const stored = new Map([...readers].map(([name, reader]) => [name, reader.take(count)]));
    yield* guarded(source.path, `is damaged: ${where} cannot be put together`, () =>
      putTogether(leaves, stored, count),
    );
  }
}

function putTogether(
  columns: ParquetFooter["leaves"],
  stored: Map<string, DecodedArray>,
  count: number,
): Record<string, unknown>[] {
  for (const data of stored.values())
    if (data.length !== count) throw new Error("its columns have different numbers of rows");
  const values = [...columns].map(([column, leaves]) => {
    const own = leaves.map(({ name }) => [name, stored.get(name) ?? []] as const);
    const isStored = column.children.length === 0 && column.element.repetition_type !== "REPEATED";
    const data = isStored
      ? (own[0]?.[1] ?? [])
      : Array.from({ length: count }, (_, i) =>
          assembleValue(column, new Map(own.map(([leaf, rows]) => [leaf, rows[i]]))),
        );
    return [column.element.name, data] as const;
  });
  return Array.from({ length: count }, (_, i) => Object.fromEntries(values.map(([name, data]) => [name, data[i]])));
}
