/** The addon's contract (addon.ts): loading a model, and what evaluates sequences with it. */

export interface CancellableJob<T> {
  readonly promise: Promise<T>;
  /** Asks the work to stop; the promise then rejects with an Error whose `code` is "ABORTED". Does nothing when done. */
  cancel(): void;
}

/**
 * How layers are spread over several devices: whole layers on each, or all on the main one. llama.cpp's "row" is missing
 * because only SYCL still implements it in the pinned version; loading fails with the other backends.
 */
export type SplitMode = "none" | "layer";

/** Weights of layers, and the kernel of ours that multiplies them. */
export interface PrefillWeights {
  /** ggml_type. */
  readonly type: number;
  /** Values per row. */
  readonly columns: number;
  /** As {@link KernelFinding.buffer} names it. */
  readonly kernel: string;
}

export interface LoadOptions {
  readonly path: string;
  /** The file at `path`, open for reading, used instead of the path. Never on Windows. Duplicated before this returns. */
  readonly descriptor?: number;
  /** Layers to place on GPUs; 0 for none (then no GPU is used at all), -1 for all. */
  readonly gpuLayers: number;
  /** Names of the devices that may hold layers, in order; absent: all GPUs of the runtime. */
  readonly devices?: readonly string[];
  readonly splitMode: SplitMode;
  /** Index among these devices, for the split mode "none". */
  readonly mainDevice: number;
  /** Most tokens of one sequence (KV cells per sequence). */
  readonly contextTokens: number;
  /** Tokens per physical micro-batch (n_ubatch). */
  readonly microBatch: number;
  /** Most sequences in one decode: 1 in exact mode, unless our own kernels compute everything; more in packed mode. */
  readonly maxSequences: number;
  /** Token budget of one decode (n_batch). May be less than contextTokens: longer sequences take several decodes. */
  readonly batchTokens: number;
  /** Contexts over the same weights that evaluate at the same time, each on a thread of its own; 1 in packed mode. */
  readonly contextWorkers: number;
  /** CPU threads of each context worker while several are at work. */
  readonly workerThreads: number;
  /** CPU threads of a context worker while no other one is at work. */
  readonly soloThreads: number;
  readonly flashAttention: boolean;
  readonly kvType: "f32" | "f16";
  /** Compute a prefix that several sequences share once; false computes each sequence in full. */
  readonly sharePrefixes: boolean;
  /** Most memory for the saved states of pinned prefixes, in MiB. */
  readonly pinnedMebibytes: number;
  /** mmap the file (the default of llama.cpp) or read it. */
  readonly mmap: boolean;
  /** Let the CPU library repack weights for its own kernels (the default of llama.cpp). */
  readonly repacked: boolean;
  /** What our own kernels multiply, after bindPrefill(); llama.cpp's take the rest. Only without GPUs. */
  readonly prefillWeights: readonly PrefillWeights[];
  /** Flash attention by our own kernel. */
  readonly prefillAttention: boolean;
  /** In exact mode each decode is padded to a multiple of this many tokens: see {@link KernelFinding}. 1: not at all. */
  readonly rowMultiple: number;
  /**
   * For models whose score is read at the end of the padding: a sequence of up to `paddingPosition` tokens is evaluated at
   * one token `paddingToken` at that position, which attends to the sequence and not to itself. Both -1: at the
   * sequence's last token. Needs maxSequences 1 and no flash attention.
   */
  readonly paddingToken: number;
  readonly paddingPosition: number;
  /** Copied. */
  readonly head: NativeHead;
}

/** The reward head; see RewardHead of src/reward-head.ts. */
export interface NativeHead {
  /** n_embd numbers, or one for each row of the hidden layer. */
  readonly weight: Float32Array;
  readonly bias?: number;
  /** Rows of n_embd numbers; negative values become 0. Absent: no hidden layer. */
  readonly hiddenWeight?: Float32Array;
  readonly hiddenBias?: Float32Array;
}

export interface PlanLimits {
  /** Most sequences of one batch. */
  readonly sequences: number;
  /** Most tokens that one batch computes; a sequence that needs more is a batch of its own. */
  readonly tokens: number;
  /** A common prefix shorter than this does not change the order of the sequences. */
  readonly minShared: number;
  /** The number of cached tokens that a sequence reuses is rounded down to a multiple of this. */
  readonly multiple: number;
  /** A sequence skipped this often is next, whatever it shares. */
  readonly maxPassedOver: number;
  readonly share: boolean;
}

export interface PlannedBatch {
  readonly members: readonly {
    /** Index of the sequence. */
    readonly sequence: number;
    /** Tokens that are reused from the cached sequence. */
    readonly kept: number;
  }[];
  /** Index of the member that is the cached sequence afterwards: the last that was chosen. Its segments come first. */
  readonly cached: number;
  /** Tokens [begin, end) that are computed once for several members; `sharers` are indices into `members`. */
  readonly segments: readonly { readonly sharers: readonly number[]; readonly begin: number; readonly end: number }[];
}

export interface ModelInfo {
  readonly architecture: string;
  readonly description: string;
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  readonly layers: number;
  readonly trainedContext: number;
  /** Most tokens of one sequence. */
  readonly contextTokens: number;
  /** Names of the devices that hold layers. */
  readonly devices: readonly string[];
}

export interface NativeModel {
  readonly info: ModelInfo;

  /**
   * Evaluates each sequence and returns weight · result_norm + bias at its LAST token (or, with paddingToken, at the padding
   * after it), in float32, in input order.
   * Sequences are copied; they may be changed or transferred after the call. Every sequence must have 1..contextTokens
   * ids in [0, vocabularySize); otherwise it throws a RangeError before anything is queued.
   * Everything that waits, of all calls, is planned together: sequences with a common prefix are evaluated one after
   * another, the rest in the order of the calls. `onProgress(done, tokens)` is called as sequences finish.
   */
  score(
    sequences: readonly Int32Array[],
    onProgress?: (sequencesDone: number, tokensDone: number) => void,
  ): CancellableJob<Float32Array>;

  /** As score(), with one job per sequence; all are queued before the first one starts. */
  scoreEach(sequences: readonly Int32Array[]): CancellableJob<number>[];

  /**
   * As scoreEach(), with the hidden state: float[n_embd + 1], result_norm where the score is read, followed by the score,
   * which RewardHead of src/reward-head.ts says how to compute from it.
   */
  features(sequences: readonly Int32Array[]): CancellableJob<Float32Array>[];

  /** The score at every token of one sequence from index `from` on: float[length - from]. */
  scoreTokens(sequence: Int32Array, from: number): CancellableJob<Float32Array>;

  /**
   * Evaluates a prefix and pins it: its keys and values stay in the cache, or are saved before they are evicted. Later
   * sequences that begin with it continue from there.
   *
   * @returns its id, for unpinPrefix()
   */
  pinPrefix(prefix: Int32Array): CancellableJob<number>;

  /** Forgets a pinned prefix; does nothing for other ids. */
  unpinPrefix(id: number): void;

  /**
   * Cancels what is queued or running (those jobs reject with code "CLOSED") and frees contexts and weights on the thread
   * that owns them. Resolves when the memory is freed. A second call returns the same promise. Also runs, synchronously,
   * when the environment (a worker thread, the process) ends.
   */
  close(): Promise<void>;
  readonly closed: boolean;

  /** Tokens evaluated so far; fewer than those of all sequences where prefixes were shared. */
  readonly computedTokens: number;

  /** Tokens of the evaluated sequences that were not computed again, because another one began with them. */
  readonly reusedTokens: number;
}
