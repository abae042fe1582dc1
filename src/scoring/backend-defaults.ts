/** Settings that differ by backend, each with the measurement that chose it. */
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
