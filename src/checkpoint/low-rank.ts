/** The arithmetic of merging: rows of W + scale · B·A in float32, and DoRA's magnitudes. */
import { setImmediate as yieldToEventLoop } from "node:timers/promises";

/** The parts of one matrix; float64, so that products need no conversion. */
export interface LowRank {
  /** The transpose of A: columns × rank. */
  readonly a: Float64Array;
  /** rows × rank. */
  readonly b: Float64Array;
  readonly rank: number;
  readonly columns: number;
  readonly scale: number;
  /** DoRA: the length of each row of the result. */
  readonly magnitudes?: Float64Array;
}

/** Products that are computed before the event loop gets a turn: some 10 ms. */
const PRODUCTS_AT_ONCE = 16 * 1024 * 1024;
/** Rows that share what is loaded of A. */
const ROWS_AT_ONCE = 4;

/**
 * Adds scale · B·A to rows of W, in place. Rounded to float32 where PEFT rounds: the product, its multiple, the sum. The product
 * itself is summed in float64.
 *
 * @param first index of the first of the rows
 */
export async function addLowRank(rows: Float32Array, first: number, parts: LowRank): Promise<void> {
  const { rank, columns } = parts;
  const count = rows.length / columns;
  const step = ROWS_AT_ONCE * Math.max(1, Math.floor(PRODUCTS_AT_ONCE / (ROWS_AT_ONCE * rank * columns)));
  for (let begin = 0; begin < count; begin += step) {
    const end = Math.min(count, begin + step);
    let row = begin;
    for (; row + ROWS_AT_ONCE <= end; row += ROWS_AT_ONCE) addToFour(rows, row * columns, first + row, parts);
    for (; row < end; row++) addToOne(rows, row * columns, first + row, parts);
    for (row = begin; parts.magnitudes !== undefined && row < end; row++)
      stretch(rows.subarray(row * columns, (row + 1) * columns), parts.magnitudes[first + row] as number);
    if (end < count) await yieldToEventLoop();
  }
}

function addToFour(rows: Float32Array, start: number, index: number, { a, b, rank, columns, scale }: LowRank): void {
  const [first, second, third, fourth] = [index * rank, (index + 1) * rank, (index + 2) * rank, (index + 3) * rank];
  for (let column = 0; column < columns; column++) {
    let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
    for (let k = 0; k < rank; k++) {
      const value = a[column * rank + k] as number;
      sum0 += (b[first + k] as number) * value;
      sum1 += (b[second + k] as number) * value;
      sum2 += (b[third + k] as number) * value;
      sum3 += (b[fourth + k] as number) * value;
    }
    add(rows, start + column, sum0, scale);
    add(rows, start + columns + column, sum1, scale);
    add(rows, start + 2 * columns + column, sum2, scale);
    add(rows, start + 3 * columns + column, sum3, scale);
  }
}

function addToOne(rows: Float32Array, start: number, index: number, { a, b, rank, columns, scale }: LowRank): void {
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += (b[index * rank + k] as number) * (a[column * rank + k] as number);
    add(rows, start + column, sum, scale);
  }
}

function add(rows: Float32Array, at: number, product: number, scale: number): void {
  rows[at] = (rows[at] as number) + Math.fround(Math.fround(product) * Math.fround(scale));
}

/** Gives a row its length. */
function stretch(row: Float32Array, length: number): void {
  let squares = 0;
  for (const value of row) squares += value * value;
  const factor = Math.fround(length / Math.fround(Math.sqrt(squares)));
  for (let column = 0; column < row.length; column++) row[column] = (row[column] as number) * factor;
}

/** The transpose of a matrix, both row by row. */
export function transposed(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(matrix.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = matrix[row * columns + column] as number;
  return result;
}
