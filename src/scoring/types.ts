/** The public types of loading and scoring. */

import type { StarlingError } from "../errors.ts";
import type { FitRecord } from "../gguf/fit-record.ts";
import type { SplitMode } from "../native/addon.ts";
import type { BackendReason, GpuChoice } from "../native/engine.ts";
import type { ProfileName } from "../profiles/profiles.ts";
import type { LoadProgress, ScoreProgress } from "../progress.ts";
import type { ItemRules } from "../prompt/input-fields.ts";
import type { ChatMessage } from "../prompt/items.ts";
import type { SpecialTokens } from "../prompt/templates.ts";
import type { ItemWarning } from "../prompt/warnings.ts";
import type { TokenizationMode } from "../vocabulary/tokenization.ts";
import type { MemoryNeed } from "./memory.ts";

/** How text becomes token ids; see the README, "Three tokenisations of one text". */
export type { TokenizationMode };

/**
 * - `exact`: each sequence is evaluated on its own: its score is bit-identical in any batch.
 *   The default on the CPU, where it costs nothing.
 * - `packed`: several sequences in one batch, without padding, with flash attention. The default on a GPU, where short
 *   batches starve the device.
 */
export type BatchMode = "exact" | "packed";

/** Options of loadRewardModel(). */
export interface LoadRewardModelOptions {
  /** A GGUF that `starling-rm convert` made. */
  readonly modelPath: string;
  /** A head file that writeHead() or `starling-rm fit` made, to be used in place of the model's own head; default: none. */
  readonly headPath?: string;
  /**
   * Take a head file that was fitted to another model's trunk; default false, which refuses it. Scores may then mean
   * nothing: modelNotices() says so.
   */
  readonly foreignHead?: boolean;
  /** Default: "auto". */
  readonly gpu?: GpuChoice;
  /**
   * Layers to place on the GPU, 0 to 1000, counted from the model's last one as llama.cpp does (its output counts as one);
   * "auto": as many as fit the memory that is free there; "all". Default: "auto". With 0 the CPU does everything. Ignored
   * where no GPU is used.
   */
  readonly gpuLayers?: number | "auto" | "all";
  /**
   * Over several GPUs: "layer" gives each whole layers, as many as its part of the free memory; "none" uses only the main
   * device. Default: "layer".
   */
  readonly splitMode?: SplitMode;
  /** Index of the main device among the backend's, as `starling-rm doctor` lists them: 0 to 14. Default: 0. */
  readonly mainDevice?: number;
  /**
   * CPU threads, 1 to 512. Default: all cores (os.availableParallelism()). Small models use them for several sequences
   * side by side, large ones for one sequence after another.
   */
  readonly threads?: number;
  /**
   * Most tokens that one sequence may have, 1 up to the model's own limit. Default: that limit (2048), or 4096 where it is
   * larger: memory grows with it.
   */
  readonly contextTokens?: number;
  /** Token budget of one batch, 1 to 65536. Default: 512. */
  readonly batchTokens?: number;
  /** Default: "exact" on the CPU, "packed" on a GPU. */
  readonly batchMode?: BatchMode;
  /** Compute what several texts begin with once; default true. false is for comparison only: scores are the same. */
  readonly sharePrefixes?: boolean;
  /** Refuse a model that needs more memory than is free; default true. The need is an estimate: see predictMemory. */
  readonly checkMemory?: boolean;
  /**
   * Map the weights from the file, or read them into memory first. Default: whatever takes less memory, which is mapping
   * unless llama.cpp repacks most of the weights. While a file is mapped it must stay as it is: where another program may
   * cut it short meanwhile (a network folder, a file that is synchronised), the system ends the process (SIGBUS). With false
   * the loaded model no longer depends on its file; by default a file that changes is an error, ERR_MODEL_CHANGED. Files
   * whose tensors are not aligned to 32 bytes are never mapped.
   */
  readonly mmap?: boolean;
  /** Default: what the GGUF says, "fast-4.41" unless it was converted otherwise. */
  readonly tokenization?: TokenizationMode;
  /** Default: "plain". */
  readonly specialTokens?: SpecialTokens;
  /**
   * The date that the model's own chat template writes, "YYYY-MM-DD". A template that asks for one cannot be used
   * without; one with a date of its own (Llama 3.1: 26 Jul 2024) writes that by default. Others ignore it. Default: none.
   */
  readonly templateDate?: string;
  /** Reports the phase "loading". */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Stops loading; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** One score. Results come in the order of the items. */
export interface ScoreResult {
  /** Index of the item, from 0. */
  readonly index: number;
  /** The raw reward: no unit, no bounds, comparable between responses to the same prompt. Higher is better. */
  readonly score: number;
  /** Tokens after truncation. */
  readonly tokenCount: number;
  /** Whether tokens were cut off on the left. */
  readonly truncated: boolean;
  /** Index, among the tokens after truncation, of the token that the score was read at. */
  readonly scorePosition: number;
  /** What is legal in this item and most often a mistake; absent where there is nothing to say. */
  readonly warnings?: readonly ItemWarning[];
  /** With the option `perToken`. */
  readonly tokenRewards?: TokenRewards;
}

/** The head applied at every token of a response: what the score would be if the text ended there. */
export interface TokenRewards {
  /** Index, among the tokens after truncation, of the response's first token; 0 for a {text} item. */
  readonly start: number;
  /** Token ids from there to the token that the score is read at, the template's closing token included. */
  readonly ids: readonly number[];
  /** Each id's piece, as the vocabulary writes it ("▁" is a space). */
  readonly pieces: readonly string[];
  /** One reward for each id; the last one is the score. */
  readonly rewards: readonly number[];
}

/** A score and what the head made it of. */
export interface FeatureResult extends ScoreResult {
  /**
   * float32[embeddingLength]: the hidden state after the final norm at the token that the score is read at. The score is
   * weight · features + bias of the head in use, summed in float64 from the first dimension to the last, the bias last, and
   * rounded to float32: `score` to the last bit.
   */
  readonly features: Float32Array;
}

/** An item that could not be scored. */
export interface ScoreFailure {
  /** Index of the item, from 0. */
  readonly index: number;
  /** Why it has no score. */
  readonly error: StarlingError;
}

/** What {@link RewardModel.scoreEach} yields; test with `"error" in outcome`. */
export type ScoreOutcome = ScoreResult | ScoreFailure;
/** What {@link RewardModel.featuresEach} yields; test with `"error" in outcome`. */
export type FeatureOutcome = FeatureResult | ScoreFailure;

/** Options of {@link RewardModel.score}. */
export interface ScoreOptions extends ItemRules {
  /** An item that a warning is about is an error, ERR_SUSPECT_ITEM; default false: its result has the warning. */
  readonly strict?: boolean;
  /** How messages call the item with this index; default: `items[index]`. */
  readonly nameItem?: (index: number) => string;
  /** Also give the reward at every token of the response; default false. The score is the same. */
  readonly perToken?: boolean;
  /** Called as items finish; reports the phase "scoring". */
  readonly onProgress?: (progress: ScoreProgress) => void;
  /** Stops the work; the promise rejects with the signal's reason, and the model stays usable. */
  readonly signal?: AbortSignal;
}

/** Options of {@link RewardModel.features}. */
export interface FeatureOptions extends Omit<ScoreOptions, "perToken"> {
  /** Called with each result as soon as it is there, in whatever order: the next in order may be the last to be computed. */
  readonly onResult?: (result: FeatureResult) => void;
}

/** Options of {@link RewardModel.rank}. */
export interface RankOptions extends ScoreOptions {
  /** What the user says; or a conversation that ends with the user's turn. */
  readonly prompt: string | readonly ChatMessage[];
  /** A system turn before the prompt, where it has none; empty: none. */
  readonly system?: string;
  /** The responses to compare, in any order. */
  readonly responses: readonly string[];
}

/** One response in the order of reward. */
export interface RankedResponse extends ScoreResult {
  /** 1 for the best; equal scores share the better rank. */
  readonly rank: number;
  /** The response. */
  readonly response: string;
}

/** The tokens of one item. */
export interface TokenizedItem {
  /** Token ids after truncation, int32[tokenCount]. JSON.stringify writes an array of numbers. */
  readonly ids: Int32Array;
  /** Tokens before truncation. */
  readonly totalTokens: number;
  /** Whether tokens were cut off on the left. */
  readonly truncated: boolean;
  /** Index of the token at which the score is read. */
  readonly scorePosition: number;
  /** What is legal in this item and most often a mistake; absent where there is nothing to say. */
  readonly warnings?: readonly ItemWarning[];
  /** @internal Index of the first token of the response, where that was asked for; else 0. */
  readonly responseStart: number;
}

/** What a model will take: bytes, at most, for texts of up to `contextTokens`. */
export interface MemoryPrediction extends MemoryNeed {
  /** Maximum number of tokens of one text. */
  readonly contextTokens: number;
  /** Bytes that this machine has free; absent where it does not tell, and for GPUs. */
  readonly available?: number;
  /** What each GPU is to hold, as far as its memory is known; absent for the CPU. */
  readonly gpu?: PredictedPlacement;
}

/** How a model is divided between devices and the machine. */
export interface PredictedPlacement {
  /** Layers that the devices hold, of `of`. */
  readonly layers: number;
  /** Layers in total, the output layer counted as one. */
  readonly of: number;
  /** Bytes that each device takes, and had free when it was last looked at. */
  readonly devices: readonly {
    /** As llama.cpp calls it, for example "CUDA0". */
    readonly name: string;
    /** Bytes that it takes. */
    readonly need: number;
    /** Bytes that were free; absent if the driver does not say. */
    readonly free?: number;
  }[];
  /** Bytes that the machine's own memory takes. */
  readonly host: number;
}

/** What multiplies the weights of one type and row length. */
export interface KernelInfo {
  /** For example "q4_k". */
  readonly type: string;
  /** Values of a row. */
  readonly columns: number;
  /** llama.cpp's name for where it keeps such weights, which decides on the kernel: "CPU", "CPU_REPACK", "AMX" and others. */
  readonly kernel: string;
}

/** What a loaded model says of itself. */
export interface RewardModelInfo {
  /** The file. */
  readonly path: string;
  /** The name in the file. */
  readonly name: string;
  /** For a model that is not the real thing: what it says of itself, to be shown wherever scores are shown. */
  readonly notice?: string;
  /** Weight type, for example "q4_k_m". */
  readonly fileType: string;
  /** Set where the file is called by a weight type that none of its matrices has, and says so. */
  readonly typeNotice?: string;
  /** Number of weights. */
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  /** Number of layers. */
  readonly layers: number;
  /** Length of a hidden state, and of the head. */
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
  /** The kind of reward model, for example "starling-rm-34b". */
  readonly profile: ProfileName;
  /** How a prompt and a response become text: the name of a template. */
  readonly template: string;
  /** How text becomes tokens. */
  readonly tokenization: TokenizationMode;
  /** Maximum number of tokens per text; what happens to longer ones is in `tokenizer.settings`. */
  readonly maxTokens: number;
  /** Maximum number of tokens per text that this instance was loaded for. */
  readonly contextTokens: number;
  /** Where it runs: "cpu", "cuda", "metal" or "vulkan". */
  readonly backend: string;
  /** For each backend that would have gone before, with `gpu: "auto"`, why it was not taken. */
  readonly backendReasons: readonly BackendReason[];
  /** Names of the devices, as llama.cpp calls them. */
  readonly devices: readonly string[];
  /** llama.cpp's library for this processor, an absolute path; absent where the system does not say. */
  readonly cpuLibrary?: string;
  /** What multiplies the weights that the CPU holds: found by a self-test with these weights before they are loaded. */
  readonly kernels: readonly KernelInfo[];
  /** Why other kernels are used than llama.cpp would choose, or scores are not exact: sentences. Usually empty. */
  readonly kernelReasons: readonly string[];
  /** Layers that graphics processors hold, of `layers`. */
  readonly gpuLayers: number;
  /** CPU threads. */
  readonly threads: number;
  /** How sequences share batches. */
  readonly batchMode: BatchMode;
}
