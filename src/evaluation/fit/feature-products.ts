/** Products of a feature table with vectors, in worker threads where the table is large. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../../package-info.ts";
import type { FeatureTable } from "./feature-table.ts";
import { chunkCount, computeChunk, listRows, type ProductTask, type RowList } from "./product-kernels.ts";
import type { SharedTask } from "./product-worker.ts";
import type { TimeSlice } from "./time-slice.ts";

/** Tables with fewer numbers stay on the JS thread: to start threads takes longer than some passes over them. */
const MIN_SHARED_NUMBERS = 2 ** 23;
/** A pass is bound by memory from some threads on. */
const MAX_THREADS = 16;

export interface ProductOptions {
  readonly slice: TimeSlice;
  /** Default: one per core. */
  readonly threads?: number | undefined;
}

/** The results are the same bits with any number of threads. */
export class FeatureProducts {
  readonly #table: FeatureTable;
  readonly #slice: TimeSlice;
  readonly #workers: readonly Worker[];
  readonly #input: Float64Array;
  readonly #scores: Float64Array;
  readonly #next = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #partial = shared(0);

  private constructor(table: FeatureTable, slice: TimeSlice, workers: readonly Worker[]) {
    this.#table = table;
    this.#slice = slice;
    this.#workers = workers;
    this.#input = shared(Math.max(table.width, table.rows));
    this.#scores = shared(table.rows);
  }

  static async open(table: FeatureTable, options: ProductOptions): Promise<FeatureProducts> {
    const { slice, threads = availableParallelism() } = options;
    const large = table.rows * table.width >= MIN_SHARED_NUMBERS;
    const workers = large && threads > 1 ? await startWorkers(table, Math.min(threads, MAX_THREADS), slice) : [];
    return new FeatureProducts(table, slice, workers);
  }

  /** How many worker threads there are; 0: everything runs on the JS thread. */
  get threads(): number {
    return this.#workers.length;
  }

  list(rows: Iterable<number>): RowList {
    return listRows(rows, this.#table.rows, this.#table.rowsOfBlock);
  }

  /** weights · row of each row in the list, at its index; valid until the next call. */
  async scores(list: RowList, weights: ArrayLike<number>): Promise<Float64Array> {
    const input = this.#input.subarray(0, this.#table.width);
    input.set(weights);
    await this.#compute({ kind: "scores", list, input, output: this.#scores });
    return this.#scores;
  }

  /** Writes the sum of slopes[row] · row over the rows in the list to `gradient`. */
  async gradient(list: RowList, slopes: Float64Array, gradient: Float64Array): Promise<void> {
    const chunks = chunkCount(list);
    const { width } = this.#table;
    if (this.#partial.length < chunks * width) this.#partial = shared(chunks * width);
    const input = this.#input.subarray(0, this.#table.rows);
    input.set(slopes);
    await this.#compute({ kind: "gradient", list, input, output: this.#partial });
    gradient.fill(0);
    for (let chunk = 0; chunk < chunks; chunk++) {
      const start = chunk * width;
      for (let k = 0; k < width; k++) gradient[k] = (gradient[k] as number) + (this.#partial[start + k] as number);
      if (this.#slice.isOver) await this.#slice.yieldToEventLoop();
    }
  }

  close(): void {
    for (const worker of this.#workers) worker.terminate().catch(() => {});
  }

  async #compute(task: ProductTask): Promise<void> {
    if (this.#workers.length === 0) return this.#computeHere(task);
    Atomics.store(this.#next, 0, 0);
    const sent: SharedTask = { ...task, next: this.#next };
    await Promise.all(
      this.#workers.map(async (worker) => {
        const answer = answerOf(worker, this.#slice.signal);
        worker.postMessage(sent);
        await answer;
      }),
    );
  }

  async #computeHere(task: ProductTask): Promise<void> {
    const chunks = chunkCount(task.list);
    for (let chunk = 0; chunk < chunks; chunk++)
      for (const _ of computeChunk(this.#table, task, chunk))
        if (this.#slice.isOver) await this.#slice.yieldToEventLoop();
  }
}

/** None where threads cannot be started: then the JS thread computes. */
async function startWorkers(table: FeatureTable, count: number, slice: TimeSlice): Promise<Worker[]> {
  const script = join(packageRoot(), "dist", "src", "evaluation", "fit", "product-worker.js");
  if (!existsSync(script)) return [];
  const { blocks, rowsOfBlock, width } = table;
  const workers: Worker[] = [];
  try {
    for (let i = 0; i < count; i++)
      workers.push(new Worker(script, { workerData: { blocks, rowsOfBlock, width }, execArgv: [] }));
    await Promise.all(workers.map((worker) => answerOf(worker, slice.signal)));
    return workers;
  } catch {
    for (const worker of workers) worker.terminate().catch(() => {});
    slice.signal?.throwIfAborted();
    return [];
  }
}

/** The worker's next message. @throws the signal's reason, or the error that ended the worker */
function answerOf(worker: Worker, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      signal?.removeEventListener("abort", onAbort);
      act();
    };
    const onMessage = () => settle(resolve);
    const onError = (error: unknown) => settle(() => reject(error));
    const onExit = (code: number) =>
      settle(() => reject(new Error(`A thread of the fit ended early (exit code ${code}).`)));
    const onAbort = () => settle(() => reject(signal?.reason));
    if (signal?.aborted) return reject(signal.reason);
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function shared(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));
}
