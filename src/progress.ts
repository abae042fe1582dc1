/** What every `onProgress` callback receives: one shape, distinguished by `phase`. */

/**
 * Progress of a call. `fraction` is the part of the phase that is done, 0 to 1, ascending; absent if the total is unknown.
 * Each function documents its phases; one callback fits all.
 */
export type Progress =
  | DownloadProgress
  | HashProgress
  | LoadProgress
  | ReadProgress
  | ScoreProgress
  | ExtractProgress
  | FitProgress
  | ConvertProgress
  | WriteProgress;

/** Fields of every phase of {@link Progress}. */
interface Step {
  /** Part of the phase that is done, 0 to 1. */
  readonly fraction?: number;
  /** compareModels: index of the model at work, 0 or 1. */
  readonly model?: number;
}

/** Files are downloaded: pull, convert with an "hf:" checkpoint, benchmarks with data on the hub. */
export interface DownloadProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "downloading";
  readonly fraction: number;
  /** Bytes of all files in the cache, including earlier calls. */
  readonly bytesDone: number;
  /** Bytes in total. */
  readonly bytesTotal: number;
  /** Bytes received in this call. */
  readonly bytesReceived: number;
  /** The file that received bytes last. */
  readonly file: string;
  /** Whether this call waits for another process that downloads the file. */
  readonly waiting: boolean;
  /** The benchmark whose data it is; absent elsewhere. */
  readonly benchmark?: string;
}

/** A model's file is hashed: the key of its cached scores and features. */
export interface HashProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "hashing";
  readonly fraction: number;
}

/** A model is loaded. */
export interface LoadProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "loading";
  readonly fraction: number;
}

/** A benchmark's data is opened and sampled. */
export interface ReadProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "reading";
  /** The benchmark whose data is read. */
  readonly benchmark: string;
}

/** Texts are scored. */
export interface ScoreProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "scoring";
  /** Items with a score or an error. In evaluate and compareModels an item is a case: a prompt with its responses. */
  readonly itemsDone: number;
  /** Absent if items are read while they are scored. */
  readonly itemsTotal?: number;
  /** Tokens evaluated in this call, or for this benchmark. */
  readonly tokensDone: number;
  /** evaluate and compareModels: the benchmark at work. */
  readonly benchmark?: string;
  /** evaluate: accuracy over the cases so far, 0 to 1. */
  readonly accuracy?: number;
  /** evaluate: its 95 % confidence interval. */
  readonly interval?: {
    /** Lower bound, 0 to 1. */
    readonly low: number;
    /** Upper bound, 0 to 1. */
    readonly high: number;
  };
}

/** Features are computed: extractFeatures and fitModel. */
export interface ExtractProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "extracting";
  /** Cases read. */
  readonly casesDone: number;
  /** Responses whose features are known. */
  readonly responsesDone: number;
  /** Tokens evaluated in this call. */
  readonly tokensDone: number;
}

/** A head is fitted: fitHead and fitModel. */
export interface FitProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "fitting";
  /** Values of `ridge` that were tried by cross-validation. */
  readonly trialsDone: number;
}

/** A checkpoint's tensors are converted. */
export interface ConvertProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "converting";
  readonly fraction: number;
  /** Bytes of the checkpoint's tensors. */
  readonly bytesDone: number;
  /** Bytes in total. */
  readonly bytesTotal: number;
  /** The tensor at work, by its name in the checkpoint. */
  readonly tensor: string;
}

/** A model is copied with another head: replaceHead and fitModel. */
export interface WriteProgress extends Step {
  /** Distinguishes the members of {@link Progress}. */
  readonly phase: "writing";
  readonly fraction: number;
  /** Bytes of the file. */
  readonly bytesDone: number;
  /** Bytes in total. */
  readonly bytesTotal: number;
  /** The tensor at work, by its name in the GGUF. */
  readonly tensor: string;
}
