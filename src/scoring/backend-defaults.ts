/** Settings that differ by backend, each with the measurement that chose it. */
import type { Backend } from "../native/engine.ts";
import type { BatchMode } from "./types.ts";

export interface BackendDefaults {
  readonly batchMode: BatchMode;
  /** Token budget of one llama_decode. */
  readonly batchTokens: number;
  /** Tokens per physical micro-batch. */
  readonly microBatch: number;
  /** Element type of the key-value cache where weights have at least 8 bits, and where they have fewer. */
  readonly kvType: { readonly fine: "f32" | "f16"; readonly coarse: "f32" | "f16" };
}

/**
 * Micro-batch: 64 to 512 tokens are equally fast within 2 %; 256 needs half the memory of 512.
 * Key-value cache: float16 moves a score by up to 2.5e-3 at float32 weights, more than everything else together, and at
 * q8_0, which also rounds what is computed, the worst one of the embedded model from 0.24 off the reference to 0.41.
 * Beside what fewer bits cost that is nothing, and it gains 3 % (1.1B shape, 256 tokens: bench/README.md) and half of the
 * cache's memory.
 */
const cpu: BackendDefaults = {
  batchMode: "exact",
  batchTokens: 512,
  microBatch: 256,
  kvType: { fine: "f32", coarse: "f16" },
};
/** Not measured yet: llama.cpp's own defaults. */
const gpu: BackendDefaults = {
  batchMode: "packed",
  batchTokens: 2048,
  microBatch: 512,
  kvType: { fine: "f16", coarse: "f16" },
};

export function backendDefaults(backend: Backend): BackendDefaults {
  return backend === "cpu" ? cpu : gpu;
}

/** How the threads of a model are spread over sequences that are evaluated at the same time. */
export interface WorkerLayout {
  /** Sequences at the same time, each in a context of its own. */
  readonly contextWorkers: number;
  /** Threads of each while several are at work. */
  readonly workerThreads: number;
  /** Threads of a single sequence. */
  readonly soloThreads: number;
}

/**
 * Work that pays for one more thread on one sequence. llama.cpp's threads wait for each other by spinning, at every
 * operation: on a model of 3.5 million parameters a second thread gains nothing at 16 tokens and 1.45 times at 256 on an
 * idle machine, and loses a hundred times where another process wants the same core. On the 140M shape two threads gain 1.7 to
 * 1.85 times (with our own kernels, bench/README.md), on the 1.1B shape what they should.
 */
const PARAMETERS_PER_THREAD = 50_000_000;
/**
 * Below this, sequences side by side with one thread each beat one after another with all threads: on the 1.1B shape by
 * 1.1 times on two cores. Each context worker needs a context of its own, which large models have no memory to spare for, and
 * their threads wait less.
 */
const PARAMETERS_PER_WORKER_THREAD = 1_000_000_000;
const MAX_CONTEXT_WORKERS = 8;

/**
 * @param parameters of the model
 * @param threads in all
 */
export function workerLayout(parameters: number, threads: number, batchMode: BatchMode): WorkerLayout {
  const soloThreads = clamp(Math.floor(parameters / PARAMETERS_PER_THREAD), threads);
  // A packed batch has several sequences in it already.
  if (batchMode === "packed") return { contextWorkers: 1, workerThreads: soloThreads, soloThreads };
  const workerThreads = Math.min(soloThreads, clamp(Math.round(parameters / PARAMETERS_PER_WORKER_THREAD), threads));
  return {
    contextWorkers: clamp(Math.floor(threads / workerThreads), MAX_CONTEXT_WORKERS),
    workerThreads,
    soloThreads,
  };
}

function clamp(value: number, most: number): number {
  return Math.max(1, Math.min(most, value));
}
