/** A table of feature rows, stored in blocks because all rows together can exceed the maximum array length. */
import { invalidArgument, notConstructible } from "../../errors.ts";
import { anIterable, readable } from "../../options.ts";

const BLOCK_BYTES = 64 * 1024 * 1024;

/** Features in memory, float32[rows][width]. */
export class FeatureTable {
  /** Floats per row: the model's embeddingLength. */
  readonly width: number;
  /** Number of rows. */
  readonly rows: number;
  /** @internal Rows of each block but the last, which may be shorter. */
  readonly rowsOfBlock: number;
  /** @internal float32[rows of the block][width], in memory that worker threads can read. */
  readonly blocks: readonly Float32Array[];

  /**
   * Builds a table from your own rows, such as the `features` of model.features(). Numbers are rounded to float32.
   *
   * @param rows one or more rows of equal length with finite numbers; iterated once
   * @throws InvalidInputError ERR_INVALID_ARGUMENT, naming the row
   */
  static from(rows: Iterable<Float32Array | readonly number[]>): FeatureTable {
    const list = readable("rows", () => (anIterable(rows) === undefined ? Array.from(rows) : undefined));
    if (list === undefined || list.length === 0) throw invalidArgument("rows", "one or more rows of numbers", rows);
    const width = readable("rows[0]", () => (list[0] as ArrayLike<number> | undefined)?.length ?? 0);
    for (const [i, row] of list.entries()) {
      const expected = readable(`rows[${i}]`, () => aRow(row, width));
      if (expected !== undefined) throw invalidArgument(`rows[${i}]`, expected, row);
    }
    const table = new FeatureTable(list.length, width);
    for (const [i, row] of list.entries()) table.row(i).set(row);
    return table;
  }

  /** @internal Use {@link FeatureTable.from}. */
  constructor(rows: number, width: number) {
    if (!Number.isInteger(rows) || !Number.isInteger(width))
      throw notConstructible("FeatureTable", "FeatureTable.from(rows)");
    this.rows = rows;
    this.width = width;
    this.rowsOfBlock = Math.max(1, Math.floor(BLOCK_BYTES / (width * Float32Array.BYTES_PER_ELEMENT)));
    this.blocks = Array.from({ length: Math.ceil(rows / this.rowsOfBlock) }, (_, i) =>
      sharedFloats(Math.min(this.rowsOfBlock, rows - i * this.rowsOfBlock) * width),
    );
  }

  /**
   * One row, float32[width]: a view, not a copy.
   *
   * @param index from 0
   * @throws InvalidInputError ERR_INVALID_ARGUMENT for an index out of range
   */
  row(index: number): Float32Array {
    if (!Number.isInteger(index) || index < 0 || index >= this.rows)
      throw invalidArgument("index", `an index from 0 to ${this.rows - 1}`, index);
    const block = this.blocks[Math.floor(index / this.rowsOfBlock)] as Float32Array;
    const start = (index % this.rowsOfBlock) * this.width;
    return block.subarray(start, start + this.width);
  }
}

function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}

function aRow(row: unknown, width: number): string | undefined {
  const isList = row instanceof Float32Array || (Array.isArray(row) && row.every((value) => typeof value === "number"));
  if (!isList || row.length === 0) return "a Float32Array or an array of numbers";
  if (row.length !== width) return `${width} numbers, like rows[0],`;
  return (row as number[]).every((value) => Number.isFinite(Math.fround(value))) ? undefined : "finite float32 numbers";
}
