/** The sizes of a transformer: their names in config.json and in a GGUF, and their bounds, each written once. */

/** What decides the shapes of a trunk's tensors. */
export interface TrunkShape {
  readonly layers: number;
  /** Positions that it was trained with. */
  readonly contextLength: number;
  /** Width of the hidden state. */
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** Rows of the token embeddings. */
  readonly vocabularySize: number;
}

/** The shape, and what else of the configuration changes the numbers. */
export interface TrunkSettings extends TrunkShape {
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  /** The trunk's further numbers, by their names in config.json. */
  readonly numbers: Readonly<Record<string, number>>;
}

interface Hyperparameter {
  /** The field in config.json. */
  readonly config: string;
  /** The key in a GGUF, without the architecture in front. */
  readonly key: string;
  readonly max: number;
}

/** Whole numbers from 1 to `max`. */
export const SHAPE_FIELDS = {
  /** llama.cpp's LLAMA_MAX_LAYERS. */
  layers: { config: "num_hidden_layers", key: "block_count", max: 512 },
  /** The longest Llama announces ten million positions. */
  contextLength: { config: "max_position_embeddings", key: "context_length", max: 16_777_216 },
  /** Twice the widest Llama (16384): keeps every size below exact in a double, and the rows of one head in memory. */
  embeddingLength: { config: "hidden_size", key: "embedding_length", max: 32_768 },
  /** The widest Llama has 53248. */
  feedForwardLength: { config: "intermediate_size", key: "feed_forward_length", max: 262_144 },
  /** The largest Llama has 128. */
  heads: { config: "num_attention_heads", key: "attention.head_count", max: 1024 },
  keyValueHeads: { config: "num_key_value_heads", key: "attention.head_count_kv", max: 1024 },
  /** Llamas have 64 or 128. The rows of one head are permuted in memory. */
  headDim: { config: "head_dim", key: "attention.key_length", max: 512 },
  /** The largest vocabulary in use has 262144 pieces. */
  vocabularySize: { config: "vocab_size", key: "vocab_size", max: 1_048_576 },
} as const satisfies Record<keyof TrunkShape, Hyperparameter>;

/** Numbers above 0, up to `max`, that a GGUF keeps as float32. */
export const FLOAT_FIELDS = {
  rmsNormEpsilon: { config: "rms_norm_eps", key: "attention.layer_norm_rms_epsilon", max: 1 },
  /** Models of the longest contexts use 5e8; a larger base is a mistake. */
  ropeTheta: { config: "rope_theta", key: "rope.freq_base", max: 1e12 },
} as const satisfies Record<"rmsNormEpsilon" | "ropeTheta", Hyperparameter>;

/** What is wrong with a shape whose sizes are each within bounds; the sentence follows the name of the file. */
export function shapeProblem(
  shape: Pick<TrunkShape, "heads" | "keyValueHeads" | "headDim">,
): { readonly field: keyof TrunkShape; readonly sentence: string } | undefined {
  const { heads, keyValueHeads, headDim } = shape;
  if (heads % keyValueHeads !== 0)
    return {
      field: "keyValueHeads",
      sentence: `has ${heads} attention heads, which is not a multiple of its ${keyValueHeads} key-value heads.`,
    };
  if (headDim % 2 !== 0)
    return {
      field: "headDim",
      sentence: `has attention heads of ${headDim} values; rotary embedding needs an even number.`,
    };
  return undefined;
}

/** Values of all queries of one token. */
export function queryWidth({ heads, headDim }: TrunkShape): number {
  return heads * headDim;
}

/** Values of all keys of one token, and of all its values. */
export function keyValueWidth({ keyValueHeads, headDim }: TrunkShape): number {
  return keyValueHeads * headDim;
}
