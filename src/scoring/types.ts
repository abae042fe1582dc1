/** The public types of loading and scoring. */

import type { StarlingError } from "../errors.ts";
import type { SplitMode } from "../native/addon.ts";
import type { GpuChoice } from "../native/engine.ts";
import type { DownloadProgress, LoadProgress, ScoreProgress } from "../progress.ts";
import type { ItemRules } from "../prompt/input-fields.ts";
import type { MessageInput } from "../prompt/messages.ts";
import type { SpecialTokens } from "../prompt/templates.ts";
import type { ItemWarning } from "../prompt/warnings.ts";
import type { TokenizationMode } from "../vocabulary/tokenization.ts";
import type { ConversationInput } from "./conversation-argument.ts";

/** How text becomes token ids; see the README, "Three tokenisations of one text". */
export type { TokenizationMode };

/**
 * - `exact`: a sequence's score is bit-identical in any batch. Sequences share one only where that changes nothing. The default
 *   on the CPU, where it costs nothing.
 * - `packed`: several sequences in one batch, without padding, with flash attention. The default on a GPU, where short
 *   batches starve the device.
 */
export type BatchMode = "exact" | "packed";

/** Which kernels compute matrix products and attention on the CPU. */
export type KernelChoice = "auto" | "off";

/** Options of loadRewardModel(). */
export interface LoadRewardModelOptions {
  /**
   * A GGUF that convert() made; "tiny" for the embedded demonstration model, which is converted on first use and kept in
   * $STARLING_RM_CACHE (a file named "tiny" is "./tiny"); or "hf:OWNER/NAME[@REVISION]/FILE.gguf" for one on the Hugging Face
   * hub, which is downloaded to its cache once, and resumed after an interruption. Without /FILE the repository must have one GGUF.
   */
  readonly modelPath: string;
  /** A head file made by writeHead() or `starling-rm fit`, used instead of the model's own head. Default: none. */
  readonly headPath?: string;
  /**
   * Accept a head file that was fitted to another model's trunk. Its scores may mean nothing; modelNotices() says so.
   * Default: false, such a head is an error.
   */
  readonly foreignHead?: boolean;
  /** Where to compute: "off" for the CPU, a backend by name, or "auto" for the first that works here. Default: "auto". */
  readonly gpu?: GpuChoice;
  /**
   * Number of layers on the GPU, 0 to 1000, counted from the last one as llama.cpp does (the output layer is one). "auto":
   * as many as fit into its free memory. "all": every layer. 0: the CPU computes everything. Default: "auto". Ignored
   * without a GPU.
   */
  readonly gpuLayers?: number | "auto" | "all";
  /**
   * With several GPUs: "layer" distributes whole layers in proportion to free memory, "none" uses only the main device.
   * Default: "layer".
   */
  readonly splitMode?: SplitMode;
  /** Index of the main device among the backend's, as `starling-rm doctor` lists them: 0 to 14. Default: 0. */
  readonly mainDevice?: number;
  /**
   * CPU threads, 1 to 512. Default: all cores (os.availableParallelism()), on a Mac the performance cores. Small models
   * score several sequences in parallel, large models one at a time with all threads.
   */
  readonly threads?: number;
  /**
   * Maximum number of tokens per text, 1 to 65536 and no more than the model's own limit. Default: that limit (2048 for
   * Starling), at most 4096. Memory grows with it.
   */
  readonly contextTokens?: number;
  /** Maximum number of tokens per batch, 1 to 65536. Default: 512. */
  readonly batchTokens?: number;
  /** Whether sequences share a batch. Default: "exact" on the CPU, "packed" on a GPU. */
  readonly batchMode?: BatchMode;
  /**
   * "auto": on the CPU, prefill kernels of our own for the weights that they multiply faster than llama.cpp's (Linux on x86-64, a
   * model that is all on the CPU); `info.kernels` says which. "off": llama.cpp's only. Scores differ in their last digits.
   * Default: "auto".
   */
  readonly kernels?: KernelChoice;
  /** Compute shared prefixes of texts only once. Scores are the same without, only slower. Default: true. */
  readonly sharePrefixes?: boolean;
  /** Refuse a model that needs more memory than is free, as predictMemory() estimates it. Default: true. */
  readonly checkMemory?: boolean;
  /**
   * Map the weights from the file (true) or read them into memory (false). Default: what takes less memory, usually
   * mapping. A mapped file must not change: a change is an error, ERR_MODEL_CHANGED, and if the file is truncated, the
   * system ends the process (SIGBUS). Use false for network and synchronised folders. Files whose tensors are not aligned
   * to 32 bytes are never mapped.
   */
  readonly mmap?: boolean;
  /** How text becomes token ids. Default: the GGUF's own setting, "fast-4.41" unless it was converted with another. */
  readonly tokenization?: TokenizationMode;
  /** How special tokens in prompts and responses are read. Default: "plain". */
  readonly specialTokens?: SpecialTokens;
  /**
   * The date for the model's own chat template, "YYYY-MM-DD". Some templates require one (Llama 3.2), some have a default
   * (Llama 3.1: 26 Jul 2024), the others ignore it. Default: none.
   */
  readonly templateDate?: string;
  /** Reports the phase "loading", and before it "downloading" for a model on the hub. */
  readonly onProgress?: (progress: DownloadProgress | LoadProgress) => void;
  /** Aborts loading: the promise rejects with the signal's reason. */
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
  /** What is legal in this item but usually a mistake; absent if there is nothing. */
  readonly warnings?: readonly ItemWarning[];
  /** Only with the option `perToken`. */
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

/** A score and the hidden state behind it. */
export interface FeatureResult extends ScoreResult {
  /**
   * float32[embeddingLength]: the hidden state after the final norm at the token that the score is read at. The head in use
   * makes the score of it as {@link RewardHead} says, summed in float64 from the first dimension to the last, the bias last, and
   * rounded to float32: `score` to the last bit. JSON.stringify writes an array of numbers.
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
  /** Make an item with a warning an error, ERR_SUSPECT_ITEM. Default: false, its result has the warning. */
  readonly strict?: boolean;
  /** Names an item in error messages, by its index. Default: `items[index]`. */
  readonly nameItem?: (index: number) => string;
  /** Also return the reward at every token of the response. The score is the same. Default: false. */
  readonly perToken?: boolean;
  /** Called as items finish; reports the phase "scoring". */
  readonly onProgress?: (progress: ScoreProgress) => void;
  /** Aborts the call: the promise rejects with the signal's reason, and the model stays usable. */
  readonly signal?: AbortSignal;
}

/** Options of {@link RewardModel.features}. */
export interface FeatureOptions extends Omit<ScoreOptions, "perToken"> {
  /** Called with each result as soon as it is computed, in any order. */
  readonly onResult?: (result: FeatureResult) => void;
}

/** What {@link RewardModel.rank} takes in one object: the conversation, its responses and the options. */
export type RankOptions = ScoreOptions &
  Exclude<ConversationInput, string | readonly MessageInput[]> & {
    /** The responses to compare, in any order. */
    readonly responses: readonly string[];
  };

/** One ranked response. */
export interface RankedResponse extends ScoreResult {
  /** 1 for the best. Equal scores share the better rank. */
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
  /** What is legal in this item but usually a mistake; absent if there is nothing. */
  readonly warnings?: readonly ItemWarning[];
}
