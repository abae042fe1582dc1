/** A table of feature rows, stored in blocks because all rows together can exceed the maximum array length. */
import type { RewardHead } from "../../reward-head.ts";

const BLOCK_BYTES = 64 * 1024 * 1024;

export class FeatureTable {
  /** Floats per row. */
  readonly width: number;
  readonly rows: number;
  readonly #rowsOfBlock: number;
  readonly #blocks: Float32Array[];

  constructor(rows: number, width: number) {
    this.rows = rows;
    this.width = width;
    this.#rowsOfBlock = Math.max(1, Math.floor(BLOCK_BYTES / (width * Float32Array.BYTES_PER_ELEMENT)));
    this.#blocks = Array.from(
      { length: Math.ceil(rows / this.#rowsOfBlock) },
      (_, i) => new Float32Array(Math.min(this.#rowsOfBlock, rows - i * this.#rowsOfBlock) * width),
    );
  }

  /** A view of one row, not a copy. @throws RangeError if there is no such row */
  row(index: number): Float32Array {
    const block = this.#blocks[Math.floor(index / this.#rowsOfBlock)];
    const start = (index % this.#rowsOfBlock) * this.width;
    const row = block?.subarray(start, start + this.width);
    if (row?.length !== this.width)
      throw new RangeError(`Row ${index} does not exist: the table has ${this.rows} rows.`);
    return row;
  }
}

/** The score of a feature row, bit for bit what the engine computes. */
export function scoreOf({ weight, bias = 0 }: RewardHead, features: Float32Array): number {
  return Math.fround(dot(weight, features) + bias);
}

/** Dot product in float64, summed from first to last. */
export function dot(weights: ArrayLike<number>, row: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (weights[i] as number) * (row[i] as number);
  return sum;
}
