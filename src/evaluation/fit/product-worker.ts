/** A thread that computes products of the feature table; feature-products.ts starts it and sends it tasks. */
import { parentPort, workerData } from "node:worker_threads";
import { chunkCount, computeChunk, type ProductTask, type TableMemory } from "./product-kernels.ts";

/** A task, and the number of the next chunk that no thread has taken. */
export interface SharedTask extends ProductTask {
  readonly next: Int32Array;
}

const memory = workerData as TableMemory;

parentPort?.on("message", (task: SharedTask) => {
  const chunks = chunkCount(task.list);
  for (let chunk = Atomics.add(task.next, 0, 1); chunk < chunks; chunk = Atomics.add(task.next, 0, 1))
    for (const _ of computeChunk(memory, task, chunk));
  parentPort?.postMessage("done");
});
parentPort?.postMessage("ready");
