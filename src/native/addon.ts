/**
 * The typed contract of the native addon: what `native/` exports and what the TypeScript layer relies on.
 * Each C++ binding repeats the signature of its method (native/node/*.cpp).
 *
 * Threads: every promise settles on the JS thread that made the call; the work runs on other threads. Nothing here throws
 * because of a file's contents: such failures reject with a plain `Error` that carries llama.cpp's or the addon's reason.
 */
import type { CancellableJob, LoadOptions, NativeModel, PlanLimits, PlannedBatch } from "./addon-model.ts";
import type { PrefillAddon } from "./addon-prefill.ts";
import type {
  DeviceCheck,
  KernelCheckOptions,
  KernelFinding,
  QuantizeOptions,
  QuantizeRowsOptions,
  RuntimeInfo,
  RuntimeLibraries,
} from "./addon-runtime.ts";
import type { NativeTokenizer, Vocabulary } from "./addon-tokenizer.ts";

export type * from "./addon-model.ts";
export type * from "./addon-prefill.ts";
export type * from "./addon-runtime.ts";
export type * from "./addon-tokenizer.ts";

/**
 * Must equal `STARLING_CONTRACT_VERSION` in native/node/addon.cpp: a stale build is refused. Both go up by one whenever this
 * contract changes. Cached scores are kept by it, too.
 */
export const CONTRACT_VERSION = 15;

export interface NativeAddon extends PrefillAddon {
  readonly contractVersion: number;

  /** Ends the process without waiting for any of its threads. No exit handler runs. */
  endProcess(exitCode: number): void;

  /**
   * Opens the llama.cpp libraries of one folder, binds the functions that the addon calls, and loads the compute backends
   * of the folder. A process holds one runtime: a second call with the same folder resolves to the same answer, with
   * another folder it rejects.
   */
  openRuntime(libraries: RuntimeLibraries): Promise<RuntimeInfo>;

  /** The runtime that this process holds, whichever thread opened it. */
  currentRuntime(): RuntimeInfo | undefined;

  /**
   * Multiplies two small matrices on every GPU of the open runtime. A broken driver may hang or end the process: call it
   * in a child process (native/child-process/probe.cjs).
   */
  checkDevices(): Promise<DeviceCheck[]>;

  /**
   * Multiplies a few rows of each sample's weights as llama.cpp would on the CPU, and compares with float64 arithmetic.
   * Rejects when the file cannot be read or the CPU backend fails.
   *
   * @returns one finding per sample
   */
  checkKernels(options: KernelCheckOptions): Promise<KernelFinding[]>;

  /**
   * Puts our own kernels into the CPU library of the open runtime, once per process and before its first use. The library must be
   * one that they were made for (prefill-kernels.ts): this reaches into its private parts.
   *
   * @returns why it is not possible, half a sentence; undefined if it was done
   */
  bindPrefill(): string | undefined;

  /** Loads a GGUF whose header, tensors and head TypeScript has checked. `onProgress` gets fractions from 0 to 1. */
  loadModel(options: LoadOptions, onProgress?: (fraction: number) => void): CancellableJob<NativeModel>;

  /** llama.cpp's own quantiser, file to file; keeps all metadata. It cannot be interrupted. */
  quantize(options: QuantizeOptions): Promise<void>;

  /**
   * Quantises whole rows with llama.cpp's ggml_quantize_chunk. Needs a runtime.
   *
   * @param input rows as `from`; copied before this returns
   * @returns the rows as `to`; rejects with code NOT_FINITE, or NOT_HELD for a value out of the type's range
   */
  quantizeRows(options: QuantizeRowsOptions, input: Uint8Array): Promise<Uint8Array>;

  /** How a model would evaluate these sequences, batch by batch. Pure, needs no runtime; for tests and benchmarks. */
  planPrefixes(sequences: readonly Int32Array[], limits: PlanLimits): PlannedBatch[];

  /** Needs no runtime. */
  readonly Tokenizer: new (
    vocabulary: Vocabulary,
  ) => NativeTokenizer;
}
