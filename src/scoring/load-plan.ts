/** The caller's load options completed with defaults, for the native side; kernel-plan.ts adds the rest. */
import { InvalidInputError } from "../errors.ts";
import type { LoadOptions } from "../native/addon.ts";
import type { Backend } from "../native/engine.ts";
import { computeThreads } from "../native/machine.ts";
import { backendDefaults, workerLayout } from "./backend-defaults.ts";
import type { ModelFile } from "./model-file.ts";
import { packedWeights } from "./own-kernel-memory.ts";
import type { BatchMode, LoadRewardModelOptions } from "./types.ts";

/** Most sequences in one batch, where it may have several; more no longer help. */
export const BATCH_SEQUENCES = 32;
/** Models that do not truncate have contexts of up to 131072 tokens, whose keys and values would take tens of GiB. */
const DEFAULT_CONTEXT_TOKENS = 4096;
/** Memory for the saved states of open prompts that were evicted from the key-value cache; beyond it they are recomputed. */
const PINNED_PREFIXES_MEBIBYTES = 1024;
/** Weight types that llama.cpp repacks for x86 processors while it loads them (ggml-cpu's repack.cpp). */
export const REPACKED_TYPES: ReadonlySet<string> = new Set(["q4_0", "q4_k", "q2_k", "iq4_nl", "mxfp4"]);
/** llama.cpp's TENSOR_ALIGNMENT: it ends the process where tensors in a mapped file have a smaller one. */
const MAPPED_ALIGNMENT = 32;
const FINE: ReadonlySet<string> = new Set(["f32", "f16", "bf16", "q8_0"]);

export interface LoadPlan
  extends Omit<
    LoadOptions,
    "path" | "descriptor" | "head" | "repacked" | "rowMultiple" | "prefillWeights" | "prefillAttention"
  > {
  readonly threads: number;
  readonly batchMode: BatchMode;
}

export function planLoad(
  file: ModelFile,
  options: Omit<LoadRewardModelOptions, "modelPath">,
  backend: Backend,
): LoadPlan {
  const defaults = backendDefaults(backend);
  const atPadding = file.scorePosition === "padding-end";
  const batchMode = options.batchMode ?? (atPadding ? "exact" : defaults.batchMode);
  if (atPadding && batchMode !== "exact")
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The batchMode ${batchMode} is not supported by this model, whose scores are read at the end of padding; use exact.`,
      { field: "batchMode" },
    );
  const packed = batchMode === "packed";
  const threads = options.threads ?? computeThreads();
  const batchTokens = options.batchTokens ?? defaults.batchTokens;
  return {
    threads,
    batchMode,
    // Of a GPU all; placement.ts says how many fit.
    gpuLayers: backend === "cpu" ? 0 : -1,
    splitMode: options.splitMode ?? "layer",
    mainDevice: backend === "cpu" ? 0 : (options.mainDevice ?? 0),
    // Longer sequences are cut off anyway: memory for more cells would never be used.
    contextTokens: Math.min(options.contextTokens ?? DEFAULT_CONTEXT_TOKENS, file.maxTokens),
    microBatch: Math.min(batchTokens, defaults.microBatch),
    // Once the kernels are known, exact mode may have several, too.
    maxSequences: packed ? BATCH_SEQUENCES : 1,
    batchTokens,
    ...workerLayout(file.parameters, threads, batchMode),
    // On the CPU llama.cpp's flash attention multiplies in float16, which soft caps make worse: ../scoring/README.md.
    flashAttention: packed && !(file.trunk.softCapped && backend === "cpu"),
    kvType: defaults.kvType[bytesOf(file, FINE) < file.weightBytes / 2 ? "coarse" : "fine"],
    mmap: file.alignment >= MAPPED_ALIGNMENT && (options.mmap ?? worthMapping(file, backend, options)),
    sharePrefixes: options.sharePrefixes ?? true,
    pinnedMebibytes: PINNED_PREFIXES_MEBIBYTES,
    paddingToken: atPadding ? (file.padTokenId as number) : -1,
    paddingPosition: atPadding ? file.maxTokens - 1 : -1,
  };
}

/** Repacked weights are copied: mapping the file as well would take their memory twice. */
function worthMapping(
  file: ModelFile,
  backend: Backend,
  { kernels }: Pick<LoadRewardModelOptions, "kernels">,
): boolean {
  if (backend !== "cpu") return true;
  const own = kernels === "off" ? 0 : packedWeights(file.weightSamples).inFile;
  return Math.max(bytesOf(file, REPACKED_TYPES), own) < file.weightBytes / 2;
}

function bytesOf(file: ModelFile, types: ReadonlySet<string>): number {
  let bytes = 0;
  for (const [type, size] of file.bytesByType) if (types.has(type)) bytes += size;
  return bytes;
}
