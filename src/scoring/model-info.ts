/** Memory and facts of a model. */

import type { FitRecord } from "../gguf/fit-record.ts";
import type { Normalization } from "../gguf/head-metadata.ts";
import type { BackendReason } from "../native/engine.ts";
import type { ProfileName } from "../profiles/profiles.ts";
import type { ScoreDirection } from "../reward-head.ts";
import type { TokenizationMode } from "../vocabulary/tokenization.ts";
import type { MemoryNeed } from "./memory.ts";
import type { BatchMode } from "./types.ts";

/** An upper bound of the memory a model needs, in bytes, for texts of up to `contextTokens`. */
export interface MemoryPrediction extends MemoryNeed {
  /** Maximum number of tokens of one text. */
  readonly contextTokens: number;
  /** Free memory of this machine in bytes; absent if the system does not say, and for GPUs. */
  readonly available?: number;
  /** How the model is placed on GPUs whose memory is known; absent on the CPU. */
  readonly gpu?: PredictedPlacement;
}

/** How a model is divided between GPUs and the machine's own memory. */
export interface PredictedPlacement {
  /** Number of layers on GPUs. */
  readonly layers: number;
  /** Number of layers in total, the output layer included. */
  readonly of: number;
  /** What each GPU holds. */
  readonly devices: readonly {
    /** As llama.cpp calls it, for example "CUDA0". */
    readonly name: string;
    /** Bytes that it takes. */
    readonly need: number;
    /** Bytes that were free; absent if the driver does not say. */
    readonly free?: number;
  }[];
  /** Bytes in the machine's own memory. */
  readonly host: number;
  /** On a Mac: the command that lets Metal use enough memory for all layers; absent where they fit or never will. */
  readonly moreRoom?: string;
}

/** What multiplies the weights of one type and row length. */
export interface KernelInfo {
  /** For example "q4_k"; "attention" for that of our own. */
  readonly type: string;
  /** Values of a row, or of a head. */
  readonly columns: number;
  /**
   * llama.cpp's name for where it keeps such weights, which decides on the kernel: "CPU", "CPU_REPACK", "AMX" and others; or one of
   * our own, such as "starling avx512-vnni".
   */
  readonly kernel: string;
  /** How many times as fast as llama.cpp's our own kernel was when it was first tried here, with one thread. */
  readonly gain?: number;
}

/** Facts about a loaded model. */
export interface RewardModelInfo {
  /** The file. */
  readonly path: string;
  /** The name in the file. */
  readonly name: string;
  /** For a demonstration model: its own notice, to be shown wherever scores are shown. */
  readonly notice?: string;
  /** Weight type, for example "q4_k_m". */
  readonly fileType: string;
  /** A notice, set if none of the file's matrices has the weight type that the file is labelled with. */
  readonly typeNotice?: string;
  /** Number of weights. */
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  /** Number of layers. */
  readonly layers: number;
  /** Length of a hidden state, which the head takes. */
  readonly embeddingLength: number;
  /** Number of token ids. */
  readonly vocabularySize: number;
  /** Fingerprint of the model without its head, 64 hexadecimal digits; absent for files of older versions. */
  readonly trunkSha256?: string;
  /**
   * The head file used instead of the model's own head; absent: that one is used. `trunkSha256` is the fingerprint of the
   * trunk that it is for, absent where the file does not say.
   */
  readonly head?: {
    /** The head file. */
    readonly path: string;
    /** The name in the file. */
    readonly name: string;
    /** Fingerprint of the trunk that it is for, 64 hexadecimal digits; absent if the file does not say. */
    readonly trunkSha256?: string;
  };
  /** How the head in use was fitted, where it is not the checkpoint's. */
  readonly fit?: FitRecord;
  /** Which scores are better: "lower" for a cost model, which measures harm. */
  readonly direction: ScoreDirection;
  /** Set where scores are normalised, or could have been: (reward - mean) / std, with the checkpoint's mean and std. */
  readonly normalization?: Normalization;
  /**
   * Set where the model's own template writes its padding token inside conversations: a sentence about which one the score
   * is read at.
   */
  readonly positionNotice?: string;
  /** The kind of reward model, for example "starling-rm-34b". */
  readonly profile: ProfileName;
  /** How a prompt and a response become text: the name of a template. */
  readonly template: string;
  /** How text becomes tokens. */
  readonly tokenization: TokenizationMode;
  /** Maximum number of tokens per text; what happens to longer ones is in `tokenizer.settings`. */
  readonly maxTokens: number;
  /**
   * Tokens that some layers attend to, where llama.cpp's graph has no such window: longer texts are refused, because they would
   * get another score than the reference's. Absent for most models.
   */
  readonly window?: number;
  /** Maximum number of tokens per text that this instance was loaded for. */
  readonly contextTokens: number;
  /** Where it runs: "cpu", "cuda", "metal" or "vulkan". */
  readonly backend: string;
  /** For each backend that `gpu: "auto"` prefers, why it was not chosen. */
  readonly backendReasons: readonly BackendReason[];
  /** Names of the devices, as llama.cpp calls them. */
  readonly devices: readonly string[];
  /** llama.cpp's library for this processor, an absolute path; absent where the system does not say. */
  readonly cpuLibrary?: string;
  /** CPU features that the library reports, for example "AVX2" or "SVE_CNT=16". */
  readonly cpuFeatures: readonly string[];
  /** What multiplies the weights that the CPU holds: found by a self-test with these weights before they are loaded. */
  readonly kernels: readonly KernelInfo[];
  /** What is wrong with kernels that are therefore not used, or why scores are not exact: sentences. Usually empty. */
  readonly kernelReasons: readonly string[];
  /**
   * Why prefill kernels of our own compute nothing, half a sentence; absent where they compute something, and where a GPU holds all
   * layers.
   */
  readonly ownKernelsReason?: string;
  /** Layers that graphics processors hold, of `layers`. */
  readonly gpuLayers: number;
  /** CPU threads. */
  readonly threads: number;
  /**
   * How sequences share batches. "single" instead of "exact": one sequence per batch, but this CPU library has no kernels
   * that make scores the same to the last bit whatever else is scored; `kernelReasons` says which are missing.
   */
  readonly batchMode: BatchMode | "single";
}
