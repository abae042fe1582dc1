/** What every `onProgress` callback receives: one shape, distinguished by `phase`. */

/**
 * How far a call is. `fraction` is the part of the phase that is done, 0 to 1, ascending; absent where the whole is not
 * known. Which phases a call reports is in its own documentation; one callback fits all of them.
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

/** Of {@link Progress}, what every phase has. */
interface Step {
  /** Part of the phase that is done, 0 to 1. */
  readonly fraction?: number;
  /** compareModels: index of the model at work, 0 or 1. */
  readonly model?: number;
}

/** Files come from the hub: pull, convert with an "hf:" checkpoint, benchmarks whose data is there. */
export interface DownloadProgress extends Step {
  /** Tells the members of {@link Progress} apart. */
  readonly phase: "downloading";
  readonly fraction: number;
  /** Bytes of all files that are in the cache, those of earlier calls included. */
  readonly bytesDone: number;
  /** Bytes in total. */
  readonly bytesTotal: number;
  /** Bytes received in this call. */
  readonly bytesReceived: number;
  /** The file that bytes came for last. */
  readonly file: string;
  /** Whether another process downloads this file and this one waits for it. */
  readonly waiting: boolean;
  /** The benchmark whose data it is; absent elsewhere. */
  readonly benchmark?: string;
}

/** A model's file is hashed, which is what its kept scores and features are found by. */
export interface HashProgress extends Step {
  /** Tells the members of {@link Progress} apart. */
  readonly phase: "hashing";
  readonly fraction: number;
}

/** A model is loaded. */
export interface LoadProgress extends Step {
  /** Tells the members of {@link Progress} apart. */
  readonly phase: "loading";
  readonly fraction: number;
}

/** A benchmark's data is opened and sampled. */
export interface ReadProgress extends Step {
  /** Tells the members of {@link Progress} apart. */
  readonly phase: "reading";
  /** The benchmark whose data is read. */
  readonly benchmark: string;
}

/** Texts are scored. */
export interface ScoreProgress extends Step {
  /** Tells the members of {@link Progress} apart. */
  readonly phase: "scoring";
  /** Items that have a score or an error. In evaluate and compareModels an item is a case: a prompt with its responses. */
  readonly itemsDone: number;
  /** Absent where items are read while they are scored. */
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
  /** Tells the members of {@link Progress} apart. */
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
  /** Tells the members of {@link Progress} apart. */
  readonly phase: "fitting";
  /** Values of `ridge` that were tried by cross-validation. */
  readonly trialsDone: number;
}

/** A checkpoint's tensors are converted. */
export interface ConvertProgress extends Step {
  /** Tells the members of {@link Progress} apart. */
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
  /** Tells the members of {@link Progress} apart. */
  readonly phase: "writing";
  readonly fraction: number;
  /** Bytes of the file. */
  readonly bytesDone: number;
  /** Bytes in total. */
  readonly bytesTotal: number;
  /** The tensor at work, by its name in the GGUF. */
  readonly tensor: string;
}
