/** The addon's contract (addon.ts): llama.cpp's libraries, devices, CPU kernels and quantisers. */

/** Absolute paths inside one runtime folder. */
export interface RuntimeLibraries {
  readonly folder: string;
  readonly ggmlBase: string;
  readonly ggml: string;
  readonly llama: string;
  /** What `llama_version()` must return, with or without the suffix "-dev"; any other version is refused. */
  readonly version: string;
  /** GPU backend libraries outside the folder, tried in order when the folder's own finds no GPU. */
  readonly fallbackBackends?: readonly string[];
}

export interface RuntimeInfo {
  readonly folder: string;
  /** What `llama_version()` returned. */
  readonly version: string;
  readonly devices: readonly NativeDevice[];
  /** Why the folder's GPU backend has no device; absent when it has one, or when the folder has no such backend. */
  readonly backendProblem?: string;
  /** The CPU library that llama.cpp chose for this machine; absent where the system does not tell. */
  readonly cpuLibrary?: string;
  /** What the CPU library says that it uses, for example "DOTPROD" and "SVE_CNT=16". */
  readonly cpuFeatures: readonly string[];
}

export interface NativeDevice {
  /** Name in llama.cpp, for example "CUDA0". */
  readonly name: string;
  /** The name of the hardware. */
  readonly description: string;
  /** "cpu", "gpu", "igpu" (shares the machine's memory) or "accel". */
  readonly type: "cpu" | "gpu" | "igpu" | "accel" | "meta";
  /** Bytes; 0 where the backend does not say. */
  readonly memoryFree: number;
  /** Bytes of memory; 0 if the driver does not say. */
  readonly memoryTotal: number;
}

export interface DeviceCheck {
  readonly name: string;
  /** Why the device cannot be used; absent when its results were right. */
  readonly problem?: string;
}

export interface KernelCheckOptions {
  /** A GGUF. */
  readonly path: string;
  readonly samples: readonly WeightSample[];
  /** What multiplies with keys and values; empty: not checked. */
  readonly attention: readonly AttentionSample[];
  /** Most threads that multiply. */
  readonly threads: number;
  /** As in {@link LoadOptions}. */
  readonly repacked: boolean;
  /** Our own kernels, after bindPrefill(), instead of llama.cpp's. */
  readonly prefill: boolean;
}

/** A weight matrix that represents all of its type and shape. */
export interface WeightSample {
  /** ggml_type. */
  readonly type: number;
  /** Values per row: whole blocks of the type. */
  readonly columns: number;
  readonly rows: number;
  /** Bytes from the start of the file. */
  readonly position: number;
}

/** The products with keys and values: of llama.cpp's kernels without flash attention, of our own with it. */
export interface AttentionSample {
  /** ggml_type of the key-value cache: 0 (f32) or 1 (f16). */
  readonly type: number;
  /** Values per head. */
  readonly headLength: number;
  /** A multiple of `keyValueHeads`. */
  readonly heads: number;
  readonly keyValueHeads: number;
}

/** Of each sample, then of each of `attention`. */
export interface KernelFinding {
  /**
   * The buffer type that llama.cpp gives such weights, which selects the kernel: "CPU", "CPU_REPACK", "AMX" and others. The name
   * of our own kernel, "" if none takes them.
   */
  readonly buffer: string;
  /** What is wrong with the products, half a sentence such as "are not finite numbers"; absent when they are right. */
  readonly problem?: string;
  /**
   * A row has the same bits in every product whose number of rows is a multiple of this: 4, 8, 16 or 32; 0 if there is no
   * such number, or a problem. 1 or 0 for our own kernels.
   */
  readonly multiple: number;
  /** How many times as fast as llama.cpp's our own kernel is; absent where that is not measured. */
  readonly gain?: number;
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
  /** Values per row: whole blocks of `to`. */
  readonly rowLength: number;
  readonly threads: number;
}
