/**
 * How the native tests and the sanitizers' scenarios load a model. One thread: with models this small a second one mostly
 * waits.
 *
 * @type {Readonly<Omit<import("../../src/native/addon.ts").LoadOptions, "path" | "head">>}
 */
export const baseLoadOptions = {
  gpuLayers: 0,
  splitMode: "layer",
  mainDevice: 0,
  contextTokens: 2048,
  microBatch: 512,
  maxSequences: 1,
  batchTokens: 512,
  contextWorkers: 1,
  workerThreads: 1,
  soloThreads: 1,
  flashAttention: false,
  kvType: "f16",
  mmap: true,
  repacked: true,
  prefillWeights: [],
  prefillAttention: false,
  rowMultiple: 4,
  sharePrefixes: true,
  paddingToken: -1,
  paddingPosition: -1,
  pinnedMebibytes: 64,
};
