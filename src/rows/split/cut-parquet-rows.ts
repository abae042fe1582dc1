/** Cuts a parquet file between any two rows: they are decoded, and written again. */
import type { SchemaTree } from "hyparquet";
import { InvalidInputError } from "../../errors.ts";
import { type ByteSource, quote } from "../../files/byte-source.ts";
import { damaged, oneLine } from "../damaged.ts";
import { jsonText } from "../json-text.ts";
import { type ParquetFooter, readFooter } from "../parquet/footer.ts";
import { parquetRows } from "../parquet/parquet-rows.ts";
import { ParquetFile } from "../write/write-parquet.ts";
import type { CutSize } from "./cut-rule.ts";
import type { PartTarget } from "./cut-text.ts";
import { bytesOf, evenRows } from "./plan-row-groups.ts";

export interface ParquetCut {
  readonly size: CutSize;
  readonly together?: string | undefined;
  readonly createdBy: string;
  readonly signal?: AbortSignal | undefined;
  readonly onFraction?: ((fraction: number) => void) | undefined;
}

type JsonRow = ReadonlyMap<string, string>;

/** @throws FileError for rows that cannot be read, and columns that would not be read again as they are */
export async function cutParquetRows(source: ByteSource, cut: ParquetCut, target: PartTarget): Promise<void> {
  const footer = await readFooter(source);
  const { path } = source;
  const columns = footer.root.children;
  const names = columns.map(({ element }) => element.name);
  const { together } = cut;
  if (together !== undefined && !names.includes(together))
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", `No row has the field ${JSON.stringify(together)}.`, {
      field: together,
    });
  const map = columns.find(hasMap);
  if (map !== undefined)
    throw damaged(
      path,
      `has row groups that are too large to be parts, and its column ${quote(map.element.name)} has keys of its own in ` +
        "each row, which cannot be written again: ask for larger parts, or write the file with smaller row groups",
    );
  const file = new ParquetFile({
    names: () => names,
    source: (name) => columns.find(({ element }) => element.name === name),
    createdBy: cut.createdBy,
  });
  // Types are those of all values, so that all parts have the same columns.
  for await (const row of jsonRows(source, cut, (fraction) => cut.onFraction?.(fraction / 2))) file.look(row);
  const rows = jsonRows(source, cut, (fraction) => cut.onFraction?.((1 + fraction) / 2));
  const reader = new PartReader(rows, partBeginnings(footer, cut.size), together);
  try {
    do {
      await target.begin();
      for await (const bytes of file.bytes(reader.part())) await target.write(bytes);
      await target.end(reader.partRows);
    } while (reader.hasMore);
  } finally {
    await rows.return(undefined);
  }
}

/** Whether a part should begin with the row of a number, counted from 0, after a part of so many rows. */
type Begins = (row: number, partRows: number) => boolean;

function partBeginnings({ groups }: ParquetFooter, size: CutSize): Begins {
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  if ("parts" in size) {
    const beginnings = new Set(evenRows(rows, size.parts));
    return (row) => beginnings.has(row);
  }
  const stored = groups.reduce((sum, group) => sum + bytesOf(group), 0);
  const most = "rows" in size ? size.rows : Math.max(1, Math.floor((size.bytes * rows) / Math.max(1, stored)));
  return (_, partRows) => partRows >= most;
}

/** Reads rows part by part. */
class PartReader {
  readonly #rows: AsyncGenerator<JsonRow>;
  readonly #begins: Begins;
  readonly #together: string | undefined;
  #next: JsonRow | undefined;
  #row = 0;
  partRows = 0;

  constructor(rows: AsyncGenerator<JsonRow>, begins: Begins, together: string | undefined) {
    this.#rows = rows;
    this.#begins = begins;
    this.#together = together;
  }

  /** Whether another part follows the one that was read. */
  get hasMore(): boolean {
    return this.#next !== undefined;
  }

  async *part(): AsyncGenerator<JsonRow> {
    let before = this.#next;
    this.partRows = 0;
    if (before !== undefined) {
      this.partRows = 1;
      yield before;
    }
    // A part that should have begun inside a group of rows begins after it.
    let isDue = false;
    for (;;) {
      const { done, value } = await this.#rows.next();
      this.#next = done ? undefined : value;
      if (this.#next === undefined) return;
      const row = this.#row++;
      isDue ||= before !== undefined && this.#begins(row, this.partRows);
      if (isDue && before !== undefined && !this.#belongTogether(before, this.#next)) return;
      before = this.#next;
      this.partRows += 1;
      yield this.#next;
    }
  }

  #belongTogether(one: JsonRow, other: JsonRow): boolean {
    const name = this.#together;
    const value = name === undefined ? undefined : one.get(name);
    return value !== undefined && value !== "null" && value === other.get(name as string);
  }
}

async function* jsonRows(
  source: ByteSource,
  { signal }: ParquetCut,
  onFraction: (fraction: number) => void,
): AsyncGenerator<JsonRow> {
  for await (const row of parquetRows(source, onFraction)) {
    signal?.throwIfAborted();
    if ("error" in row)
      throw damaged(source.path, `cannot be cut inside its row groups: ${row.where} is broken (${oneLine(row.error)})`);
    const entries = Object.entries(row.value as Readonly<Record<string, unknown>>);
    yield new Map(entries.map(([name, value]) => [name, jsonText(value)]));
  }
}

function hasMap({ element, children }: SchemaTree): boolean {
  const { converted_type: converted, logical_type: logical } = element;
  return converted === "MAP" || converted === "MAP_KEY_VALUE" || logical?.type === "MAP" || children.some(hasMap);
}
