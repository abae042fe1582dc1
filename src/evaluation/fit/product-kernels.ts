/**
 * Products of the feature table with vectors, four rows at a time. Plain functions over memory that threads share, because they
 * run on the JS thread and in worker threads (product-worker.ts).
 */

/** Rows of the table in fours; the rows of one four are in one block. */
export interface RowList {
  /** uint32[fours × 4]; a four that is not full repeats its first row. */
  readonly rows: Uint32Array;
  /** uint8[fours]: how many rows of each four count, 1 to 4. */
  readonly counts: Uint8Array;
}

/** A {@link FeatureTable}'s memory. */
export interface TableMemory {
  readonly blocks: readonly Float32Array[];
  readonly rowsOfBlock: number;
  readonly width: number;
}

/** "scores": output[row] = input · row, for each row. "gradient": output[chunk] = sum of input[row] · row over the chunk's rows. */
export interface ProductTask {
  readonly kind: "scores" | "gradient";
  readonly list: RowList;
  readonly input: Float64Array;
  readonly output: Float64Array;
}

const ROWS_AT_ONCE = 4;
/**
 * Fours of a chunk, whose gradient is summed apart. It does not depend on the number of threads, so neither does the order of
 * summation.
 */
const FOURS_OF_CHUNK = 128;

export function chunkCount({ counts }: RowList): number {
  return Math.ceil(counts.length / FOURS_OF_CHUNK);
}

/** Lists rows of the table, ascending and each once. @param rowCount of the table */
export function listRows(rows: Iterable<number>, rowCount: number, rowsOfBlock: number): RowList {
  const sorted = distinct(rows, rowCount);
  const fours: number[] = [];
  const counts: number[] = [];
  for (let at = 0; at < sorted.length; ) {
    const first = sorted[at] as number;
    const end = (Math.floor(first / rowsOfBlock) + 1) * rowsOfBlock;
    let count = 1;
    while (count < ROWS_AT_ONCE && at + count < sorted.length && (sorted[at + count] as number) < end) count++;
    for (let i = 0; i < ROWS_AT_ONCE; i++) fours.push(i < count ? (sorted[at + i] as number) : first);
    counts.push(count);
    at += count;
  }
  const list = {
    rows: new Uint32Array(new SharedArrayBuffer(fours.length * Uint32Array.BYTES_PER_ELEMENT)),
    counts: new Uint8Array(new SharedArrayBuffer(counts.length)),
  };
  list.rows.set(fours);
  list.counts.set(counts);
  return list;
}

function distinct(rows: Iterable<number>, rowCount: number): Uint32Array {
  const listed = new Uint8Array(rowCount);
  for (const row of rows) listed[row] = 1;
  const sorted = new Uint32Array(listed.reduce((sum, flag) => sum + flag, 0));
  let count = 0;
  for (let row = 0; row < rowCount; row++) if (listed[row] === 1) sorted[count++] = row;
  return sorted;
}

/** The part of a task that one thread does at a time; a generator, so that the JS thread can stop between two fours. */
export function* computeChunk(memory: TableMemory, task: ProductTask, chunk: number): Generator<void> {
  const { kind, list, output } = task;
  const [begin, end] = [chunk * FOURS_OF_CHUNK, Math.min(list.counts.length, (chunk + 1) * FOURS_OF_CHUNK)];
  const { width } = memory;
  const target = kind === "scores" ? output : output.subarray(chunk * width, (chunk + 1) * width).fill(0);
  for (let four = begin; four < end; four++) {
    computeFour(memory, task, four, target);
    yield;
  }
}

/** @param target the scores of all rows, or the gradient of the chunk */
function computeFour(
  { blocks, rowsOfBlock, width }: TableMemory,
  { kind, list: { rows, counts }, input }: ProductTask,
  four: number,
  target: Float64Array,
): void {
  const at = four * ROWS_AT_ONCE;
  const [r0, r1, r2, r3] = [rows[at] as number, rows[at + 1] as number, rows[at + 2] as number, rows[at + 3] as number];
  const index = Math.floor(r0 / rowsOfBlock);
  const block = blocks[index] as Float32Array;
  const start = index * rowsOfBlock;
  const [o0, o1, o2, o3] = [(r0 - start) * width, (r1 - start) * width, (r2 - start) * width, (r3 - start) * width];
  if (kind === "scores") {
    dotFour(block, o0, o1, o2, o3, input, sums);
    target[r0] = sums[0] as number;
    target[r1] = sums[1] as number;
    target[r2] = sums[2] as number;
    target[r3] = sums[3] as number;
    return;
  }
  const count = counts[four] as number;
  const [s0, s1, s2, s3] = [
    input[r0] as number,
    count > 1 ? (input[r1] as number) : 0,
    count > 2 ? (input[r2] as number) : 0,
    count > 3 ? (input[r3] as number) : 0,
  ];
  addRows(block, o0, o1, o2, o3, s0, s1, s2, s3, target);
}

const sums = new Float64Array(ROWS_AT_ONCE);

/** Each row is summed in float64 from first to last, as the engine does it. */
function dotFour(
  block: Float32Array,
  o0: number,
  o1: number,
  o2: number,
  o3: number,
  weights: Float64Array,
  out: Float64Array,
): void {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let k = 0; k < weights.length; k++) {
    const weight = weights[k] as number;
    a += weight * (block[o0 + k] as number);
    b += weight * (block[o1 + k] as number);
    c += weight * (block[o2 + k] as number);
    d += weight * (block[o3 + k] as number);
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

function addRows(
  block: Float32Array,
  o0: number,
  o1: number,
  o2: number,
  o3: number,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
  sum: Float64Array,
): void {
  for (let k = 0; k < sum.length; k++)
    sum[k] =
      (sum[k] as number) +
      (s0 * (block[o0 + k] as number) +
        s1 * (block[o1 + k] as number) +
        (s2 * (block[o2 + k] as number) + s3 * (block[o3 + k] as number)));
}
