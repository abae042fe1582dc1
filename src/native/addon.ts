/**
 * The typed contract of the native addon: what `native/` exports and what the TypeScript layer may rely on.
 * The C++ signature of each method stands beside its definition in native/*.cpp.
 *
 * Threads: every promise below is settled on the JS thread of the environment that made the call; all work runs
 * elsewhere. One thread, owned by the NativeModel, owns a llama context. Nothing here throws for the state of a
 * file: such failures reject, with a plain `Error` whose `message` is llama.cpp's or the addon's reason.
 */
import type { RewardHead } from "../reward-head.ts";

/** Must equal `STARLING_CONTRACT_VERSION` in native/addon.cpp: a stale build is told apart from a fitting one. */
export const CONTRACT_VERSION = 8;

export interface NativeAddon {
  readonly contractVersion: number;

  /** Ends the process without waiting for any of its threads. No exit handler runs. */
  endProcess(exitCode: number): void;

  /**
   * Opens the llama.cpp runtime libraries of one folder, binds the table of functions, and loads the compute backends
   * found in the folder. A process holds one runtime: a second call with the same folder returns the same
   * answer, with another folder it rejects.
   */
  openRuntime(libraries: RuntimeLibraries): Promise<RuntimeInfo>;

  /** The runtime that this process holds, whichever thread opened it. */
  currentRuntime(): RuntimeInfo | undefined;

  /**
   * Multiplies two small matrices on every graphics processor of the open runtime. A broken driver may hang or end the
   * process in here: it is called in a process that nobody needs (native/probe.cjs).
   */
  checkDevices(): Promise<DeviceCheck[]>;

  /**
   * Multiplies a few rows of each sample's weights as llama.cpp would on the CPU, and compares with float64 arithmetic: one
   * finding for each sample. Rejects when the file cannot be read, or the CPU backend fails.
   */
  checkKernels(options: KernelCheckOptions): Promise<KernelFinding[]>;

  /** Loads a GGUF. The file's header, tensors and head were checked in TypeScript before. */
  loadModel(options: LoadOptions, onProgress?: (fraction: number) => void): CancellableJob<NativeModel>;

  /** llama.cpp's own quantiser, file to file, all metadata kept. It cannot be interrupted. */
  quantize(options: QuantizeOptions): Promise<void>;

  /**
   * Quantises whole rows with llama.cpp's ggml_quantize_chunk; needs a runtime, for its tables.
   *
   * @param input rows as `from`; copied before this returns
   * @returns the rows as `to`; rejects with code NOT_FINITE, or NOT_HELD for a value that is too large for the type
   */
  quantizeRows(options: QuantizeRowsOptions, input: Uint8Array): Promise<Uint8Array>;

  /** How a model's work would be planned, one batch after another; pure, needs no runtime. For tests and benches. */
  planPrefixes(sequences: readonly Int32Array[], limits: PlanLimits): PlannedBatch[];

  /** Needs no runtime. */
  readonly Tokenizer: new (
    vocabulary: Vocabulary,
  ) => NativeTokenizer;
}

export interface CancellableJob<T> {
  readonly promise: Promise<T>;
  /** Asks the work to stop; the promise then rejects with an Error whose `code` is "ABORTED". Does nothing when done. */
  cancel(): void;
}

/** Absolute paths inside one runtime folder. */
export interface RuntimeLibraries {
  readonly folder: string;
  readonly ggmlBase: string;
  readonly ggml: string;
  readonly llama: string;
  /** What `llama_version()` must return, with or without "-dev" behind it; anything else is refused. */
  readonly version: string;
  /** Libraries of GPU backends elsewhere, tried in order when the folder's own finds no GPU. */
  readonly fallbackBackends?: readonly string[];
}

export interface RuntimeInfo {
  readonly folder: string;
  /** What `llama_version()` returned. */
  readonly version: string;
  readonly devices: readonly NativeDevice[];
  /** Why the folder's GPU backend has no device; absent when it has one, or when the folder has no such backend. */
  readonly backendProblem?: string;
  /** The library that computes on the CPU, of several the one for this machine; absent where the system does not say. */
  readonly cpuLibrary?: string;
}

export interface KernelCheckOptions {
  /** A GGUF. */
  readonly path: string;
  readonly samples: readonly WeightSample[];
  readonly threads: number;
  /** As in {@link LoadOptions}. */
  readonly rearranged: boolean;
}

/** A weight matrix that stands for all of its type and shape. */
export interface WeightSample {
  /** ggml_type. */
  readonly type: number;
  /** Values of a row: whole blocks of the type. */
  readonly columns: number;
  readonly rows: number;
  /** Bytes from the start of the file. */
  readonly position: number;
}

export interface KernelFinding {
  /** Where llama.cpp keeps such weights, which decides what multiplies them: "CPU", "CPU_REPACK", "AMX" and others. */
  readonly buffer: string;
  /** What is wrong with the products, half a sentence such as "are not finite numbers"; absent when they are right. */
  readonly problem?: string;
  /**
   * A row has the same bits in every product whose number of rows is a multiple of this: 4, 8, 16 or 32; 0 where there is no
   * such number, or a problem.
   */
  readonly multiple: number;
}

export interface NativeDevice {
  readonly name: string;
  readonly description: string;
  readonly type: "cpu" | "gpu" | "igpu" | "accel" | "meta";
  /** Bytes; 0 where the backend does not say. */
  readonly memoryFree: number;
  readonly memoryTotal: number;
}

export interface DeviceCheck {
  readonly name: string;
  /** Why the device cannot be used; absent when it computed what it should. */
  readonly problem?: string;
}

/**
 * How a model lies on several devices: whole layers on each, or all on the main one. llama.cpp's "row" is not there: in the
 * version that this package is made for no backend but SYCL has it, and loading fails with the others.
 */
export type SplitMode = "none" | "layer";

export interface LoadOptions {
  readonly path: string;
  /** The file at `path`, open for reading, which is used in its place. Never on Windows. Duplicated before this returns. */
  readonly descriptor?: number;
  /** Layers to place on GPUs; 0 for none (then no GPU device is used at all), -1 for all. */
  readonly gpuLayers: number;
  /** Names of the devices that may hold layers, in order; absent: all graphics processors of the runtime. */
  readonly devices?: readonly string[];
  readonly splitMode: SplitMode;
  /** Index among these devices, for the split mode "none". */
  readonly mainDevice: number;
  /** Most tokens that one sequence may have (KV cells for one sequence). */
  readonly contextTokens: number;
  /** Tokens per physical micro-batch (n_ubatch). */
  readonly microBatch: number;
  /** Most sequences in one decode: 1 in exact mode, more in packed mode. */
  readonly maxSequences: number;
  /** Token budget of one decode (n_batch); at least contextTokens is not needed: longer sequences are split. */
  readonly batchTokens: number;
  /** Sequences that are evaluated at the same time, each in a context of its own; 1 in packed mode. */
  readonly lanes: number;
  /** CPU threads of each lane while several work. */
  readonly laneThreads: number;
  /** CPU threads of a lane that works alone. */
  readonly wideThreads: number;
  readonly flashAttention: boolean;
  readonly kvType: "f32" | "f16";
  /** Compute what several sequences begin with once; false computes each in full. */
  readonly sharePrefixes: boolean;
  /** Most memory for the saved states of held prefixes, in MiB. */
  readonly heldMebibytes: number;
  /** mmap the file (the default of llama.cpp) or read it. */
  readonly mmap: boolean;
  /** Let the CPU library rearrange weights for kernels of its own (the default of llama.cpp). */
  readonly rearranged: boolean;
  /** In exact mode each decode is filled up to a multiple of this many tokens: see {@link KernelFinding}. */
  readonly rowMultiple: number;
  /**
   * For models whose score is read at the end of the padding: a sequence of up to `paddingPosition` tokens is evaluated at
   * one token `paddingToken` at that position, which sees the sequence and not itself. Both -1: at the sequence's last
   * token. Needs maxSequences 1 and no flash attention.
   */
  readonly paddingToken: number;
  readonly paddingPosition: number;
  /** The reward head, with n_embd weights. Copied. */
  readonly head: RewardHead;
}

export interface PlanLimits {
  /** Most sequences of one batch. */
  readonly sequences: number;
  /** Most tokens that are computed in one batch; a sequence that needs more is a batch of its own. */
  readonly tokens: number;
  /** A shorter common prefix is no reason to leave the order of the sequences. */
  readonly worthwhile: number;
  /** What is kept of a prefix is rounded down to a multiple of this. */
  readonly multiple: number;
  /** A sequence that was passed over this often is next, whatever it shares. */
  readonly patience: number;
  readonly share: boolean;
}

export interface PlannedBatch {
  readonly members: readonly {
    /** Index of the sequence. */
    readonly sequence: number;
    /** Tokens that are there already, from the last member of the batch before. */
    readonly kept: number;
  }[];
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
  /** Most tokens that one sequence may have. */
  readonly contextTokens: number;
  /** Names of the devices that hold layers. */
  readonly devices: readonly string[];
}

export interface NativeModel {
  readonly info: ModelInfo;

  /**
   * Evaluates each sequence and returns weight · result_norm + bias at its LAST token (or, with paddingToken, at the padding
   * behind it), in float32, in input order.
   * Sequences are copied at once; they may be changed or transferred after the call. Every sequence must have
   * 1..contextTokens ids in [0, vocabularySize); otherwise it throws a RangeError before anything is queued.
   * All that waits, of all calls, is planned together: sequences that begin alike are evaluated one after another, the
   * rest in the order of the calls. `onProgress(done, tokens)` is called as sequences finish.
   */
  score(
    sequences: readonly Int32Array[],
    onProgress?: (sequencesDone: number, tokensDone: number) => void,
  ): CancellableJob<Float32Array>;

  /** As score(), with a job for each sequence; all are queued before any of them is begun. */
  scoreEach(sequences: readonly Int32Array[]): CancellableJob<number>[];

  /**
   * As scoreEach(), with the hidden state itself: float[n_embd + 1], result_norm where the score is read, and behind it the
   * score, which is the sum of the products with the weights in float64, from the first to the last, and the bias, rounded to float32.
   */
  features(sequences: readonly Int32Array[]): CancellableJob<Float32Array>[];

  /** weight · result_norm + bias at every token of one sequence from index `from` on: float[length - from]. */
  scoreTokens(sequence: Int32Array, from: number): CancellableJob<Float32Array>;

  /**
   * Evaluates a prefix and holds on to it: its keys and values stay in the cache, or are saved when they must give way
   * there. Whatever is scored later and begins with it goes on from them.
   *
   * @returns its id, for releasePrefix()
   */
  holdPrefix(prefix: Int32Array): CancellableJob<number>;

  /** Forgets a prefix; does nothing for one that is not held. */
  releasePrefix(id: number): void;

  /**
   * Cancels what is queued or running (those jobs reject with code "CLOSED"), frees context and weights on the
   * owning thread. Resolves when memory is freed. A second call gives the same promise. Also runs, synchronously,
   * when the environment (a worker thread, the process) ends.
   */
  close(): Promise<void>;
  readonly closed: boolean;

  /** Tokens evaluated so far; less than those of all sequences where prefixes were shared. */
  readonly computedTokens: number;
}

export interface QuantizeOptions {
  readonly input: string;
  readonly output: string;
  /** llama_ftype, for example 15 for q4_k_m. */
  readonly ftype: number;
  /** 0 = all cores. */
  readonly threads: number;
}

export interface QuantizeRowsOptions {
  /** ggml_type of f32, f16 or bf16. */
  readonly from: number;
  /** ggml_type of f16 or a quantised type that needs no importance matrix. */
  readonly to: number;
  /** Values of a row: whole blocks of `to`. */
  readonly rowLength: number;
  readonly threads: number;
}

/**
 * A vocabulary as the GGUF stores it, in parallel arrays of n_vocab entries, without JS strings so that 64000 pieces cost
 * nothing to hand over.
 */
export type Vocabulary = SentencePieceVocabulary | BytePairVocabulary;

interface VocabularyParts {
  /** All pieces, UTF-8, one after another; those of a byte-level BPE in its alphabet. */
  readonly bytes: Uint8Array;
  /** Where piece i starts in `bytes`; n_vocab + 1 entries, ascending, the last one is bytes.length. */
  readonly offsets: Uint32Array;
  /** Each piece's own type: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. */
  readonly types: Uint8Array;
  /** Ids that stand outside the text: split out before anything else, as transformers does with added tokens. */
  readonly addedTokens: Int32Array;
  /** Of those, whose with the flag `normalized` in the checkpoint's tokenizer configuration. */
  readonly normalizedAddedTokens: Int32Array;
  /** Ids that the tokenizer puts in front of and behind a text, where that is asked for. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** The id that stands for padding; -1 for none. */
  readonly padTokenId: number;
}

export interface SentencePieceVocabulary extends VocabularyParts {
  readonly kind: "sentencepiece";
  readonly scores: Float32Array;
  /** SentencePiece's normaliser flag: a space is put before the text (used by mode "slow" alone). */
  readonly addDummyPrefix: boolean;
  /** The checkpoint's `add_prefix_space` (default true): U+2581 in front of each stretch (modes "fast-…" alone). */
  readonly addPrefixSpace: boolean;
}

/** Its one mode is "byte-bpe". */
export interface BytePairVocabulary extends VocabularyParts {
  readonly kind: "byte-pair";
  /** All merges, "LEFT RIGHT", best first, one after another, and where each starts (one entry more than merges). */
  readonly merges: Uint8Array;
  readonly mergeOffsets: Uint32Array;
  /** How text is cut into words, by llama.cpp's name for it. */
  readonly split: "llama-bpe" | "gpt-2";
  /** A word that is a token is taken whole. */
  readonly ignoreMerges: boolean;
}

export type NativeTokenizationMode = "slow" | "fast-4.41" | "fast-4.42" | "byte-bpe";

export interface EncodeOptions {
  /** One of the vocabulary's modes. */
  readonly mode: NativeTokenizationMode;
  /** The LAST maxTokens ids stay, what stands around a text included; at most 2^32 - 1. */
  readonly maxTokens: number;
  /** For each text, 1 if the vocabulary's `before` and `after` are put around it; absent: around none. */
  readonly framed?: Uint8Array;
  /**
   * For each text the same with its last content left out (an empty list for a text without one): then the answers say
   * where that content begins.
   */
  readonly stems?: readonly (readonly string[])[];
}

export interface NativeTokenizer {
  readonly vocabularySize: number;
  /**
   * One entry of `texts` is the list of a text's parts: parts with an even index are template text, in which added
   * tokens are recognised; parts with an odd index are content, in which they are plain text. The parts are
   * joined first: a piece may span two parts. Runs on another thread.
   */
  encode(texts: readonly (readonly string[])[], options: EncodeOptions): Promise<EncodedText[]>;
}

export interface EncodedText {
  /** The ids that stay after truncation. */
  readonly ids: Int32Array;
  /** Ids before truncation. */
  readonly totalTokens: number;
  /** Index of the first padding id in `ids`, or -1. */
  readonly firstPad: number;
  /** Index of the last id that is not padding, or -1. */
  readonly lastNonPad: number;
  /** How many of the ids, before the last one, are those of the stem's beginning; 0 without a stem. */
  readonly stemTokens: number;
}
