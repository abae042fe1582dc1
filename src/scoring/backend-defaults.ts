/** Settings that differ by backend, each with the measurement that chose it. */
import { availableParallelism } from "node:os";
import type { Backend } from "../native/engine.ts";
import type { BatchMode } from "./types.ts";

export interface BackendDefaults {
  readonly batchMode: BatchMode;
  /** Token budget of one llama_decode. */
  readonly batchTokens: number;
  /** Tokens per physical micro-batch. */
  readonly microBatch: number;
  /** Element type of the key-value cache. */
  readonly kvType: "f32" | "f16";
}

const cpu: BackendDefaults = { batchMode: "exact", batchTokens: 512, microBatch: 512, kvType: "f32" };
const gpu: BackendDefaults = { batchMode: "packed", batchTokens: 2048, microBatch: 512, kvType: "f16" };

export function backendDefaults(backend: Backend): BackendDefaults {
  return backend === "cpu" ? cpu : gpu;
}

/**
 * Work that pays for one more thread. llama.cpp's threads wait for each other by spinning, at every operation: on a
 * model of 3.5 million parameters a second thread gains 1.2 times on an idle machine, and loses a hundred times where
 * another process wants the same core. On the 1.1B shape two threads gain what they should.
 */
const PARAMETERS_PER_THREAD = 50_000_000;

/** @param parameters of the model */
export function defaultThreads(parameters: number): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(parameters / PARAMETERS_PER_THREAD)));
}
