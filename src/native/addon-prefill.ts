/** The addon's contract (addon.ts): our own prefill kernels by themselves, for tests and benchmarks. */

export interface WeightShape {
  /** ggml_type. */
  readonly type: number;
  /** Values per row. */
  readonly columns: number;
  readonly rows: number;
}

/** Names, the most capable first; none where the processor or the platform has no kernel. */
export interface PrefillKernels {
  readonly gemm: readonly string[];
  /** For tests: kernels of other processors. */
  readonly emulated: readonly string[];
  readonly attention: readonly string[];
}

export interface PrefillProduct extends WeightShape {
  readonly kernel: string;
  readonly tokens: number;
  /** Into how many parts weights and activations are divided, as threads would; computed from the last to the first. */
  readonly parts: number;
  /** How often to compute it. */
  readonly repetitions: number;
}

export interface PrefillProducts {
  /** float[tokens, rows]. */
  readonly products: Float32Array;
  /** Of all repetitions, on one thread; without packing the weights. */
  readonly seconds: number;
}

export interface PrefillAttention {
  readonly kernel: string;
  readonly headLength: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly tokens: number;
  readonly cells: number;
  readonly kvType: "f32" | "f16";
  readonly parts: number;
}

/** All of this is pure and needs no runtime. */
export interface PrefillAddon {
  prefillKernels(): PrefillKernels;

  /** Bytes of such weights, packed by the kernel that would take them; 0 if none would. */
  prefillWeightBytes(shape: WeightShape): number;

  /** @param weights as in a GGUF @param input float[tokens, columns] */
  prefillMultiply(options: PrefillProduct, weights: Uint8Array, input: Float32Array): Promise<PrefillProducts>;

  /**
   * @param queries float[tokens, heads, headLength]
   * @param keys of kvType[cells, keyValueHeads, headLength], as values
   * @param mask float16[tokens, cells]: 0 or -infinity
   * @returns float[tokens, heads, headLength]
   */
  prefillAttention(
    options: PrefillAttention,
    queries: Float32Array,
    keys: Float32Array | Uint16Array,
    values: Float32Array | Uint16Array,
    mask: Uint16Array,
  ): Promise<Float32Array>;
}
