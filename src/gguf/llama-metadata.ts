import { quote } from "../files/byte-source.ts";
import type { Fields } from "./fields.ts";
import { alignUp, type GgufHeader, type TensorInfo } from "./header.ts";

/** The hyperparameters that llama.cpp reads of a Llama. */
export interface LlamaShape {
  readonly layers: number;
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly vocabularySize: number;
}

// The same bounds as the converter's, for the same reasons; see src/checkpoint/config.ts.
const MAX_LAYERS = 512;
const MAX_EMBEDDING_LENGTH = 32_768;
const MAX_FEED_FORWARD_LENGTH = 262_144;
const MAX_HEADS = 1024;
const MAX_HEAD_DIM = 512;
const MAX_CONTEXT_LENGTH = 16_777_216;
const MAX_VOCABULARY_SIZE = 1_048_576;
const MAX_EPSILON = 1;
const MAX_ROPE_BASE = 1e12;
const POOLING_LAST = 3;

const keys = {
  layers: "llama.block_count",
  contextLength: "llama.context_length",
  embeddingLength: "llama.embedding_length",
  feedForwardLength: "llama.feed_forward_length",
  heads: "llama.attention.head_count",
  keyValueHeads: "llama.attention.head_count_kv",
  keyLength: "llama.attention.key_length",
  valueLength: "llama.attention.value_length",
  epsilon: "llama.attention.layer_norm_rms_epsilon",
  causal: "llama.attention.causal",
  ropeDimensions: "llama.rope.dimension_count",
  ropeBase: "llama.rope.freq_base",
  vocabularySize: "llama.vocab_size",
  pooling: "llama.pooling_type",
  labels: "llama.classifier.output_labels",
} as const;

const knownKeys = new Set<string>(Object.values(keys));

/**
 * Checks the hyperparameters against each other and against the tensors. A key that the converter never writes is
 * refused: experts, scaled rotary embedding or sliding windows would change the numbers, and some values of theirs
 * end the process inside llama.cpp.
 */
export function readLlamaShape(gguf: GgufHeader, fields: Fields): LlamaShape {
  if (fields.has("split.count") && fields.u32OrU16("split.count") > 1)
    throw fields.refuse(
      "is one part of a split GGUF; join the parts with llama-gguf-split --merge first.",
      "split.count",
    );
  for (const key of fields.keys())
    if (key.startsWith("llama.") && !knownKeys.has(key))
      throw fields.refuse(
        `has the metadata key ${quote(key)}, which a reward model of this project does not have.`,
        key,
      );
  const shape: LlamaShape = {
    layers: fields.u32(keys.layers, 1, MAX_LAYERS),
    contextLength: fields.u32(keys.contextLength, 1, MAX_CONTEXT_LENGTH),
    embeddingLength: fields.u32(keys.embeddingLength, 1, MAX_EMBEDDING_LENGTH),
    feedForwardLength: fields.u32(keys.feedForwardLength, 1, MAX_FEED_FORWARD_LENGTH),
    heads: fields.u32(keys.heads, 1, MAX_HEADS),
    keyValueHeads: fields.u32(keys.keyValueHeads, 1, MAX_HEADS),
    headDim: fields.u32(keys.keyLength, 2, MAX_HEAD_DIM),
    vocabularySize: fields.u32(keys.vocabularySize, 1, MAX_VOCABULARY_SIZE),
  };
  checkAttention(shape, fields);
  fields.positiveF32(keys.epsilon, MAX_EPSILON);
  fields.positiveF32(keys.ropeBase, MAX_ROPE_BASE);
  if (!fields.bool(keys.causal)) throw fields.refuse(`has ${keys.causal} = false; expected true.`, keys.causal);
  fields.u32(keys.pooling, POOLING_LAST, POOLING_LAST);
  if (fields.has(keys.labels)) fields.array(keys.labels, "string", 1);
  checkTensors(gguf, fields, shape);
  if (fields.has(ALIGNMENT)) checkEnd(gguf, fields);
  return shape;
}

const ALIGNMENT = "general.alignment";

/**
 * A file that is laid out by a larger alignment than it says is read from the wrong place on, while its offsets fit, where
 * all sizes are multiples of both. It is then longer than it should be.
 */
function checkEnd({ tensors, alignment, fileSize }: GgufHeader, fields: Fields): void {
  const end = Math.max(...tensors.map(({ position, size }) => position + size));
  const more = fileSize - alignUp(end, alignment);
  if (more > 0)
    throw fields.refuse(
      `has ${more} bytes more than its tensors take with ${ALIGNMENT} = ${alignment}: it is laid out otherwise, or damaged.`,
      ALIGNMENT,
    );
}

function checkAttention(shape: LlamaShape, fields: Fields): void {
  const { heads, keyValueHeads, headDim } = shape;
  if (heads % keyValueHeads !== 0)
    throw fields.refuse(
      `has ${heads} attention heads, which ${keyValueHeads} key-value heads do not divide.`,
      keys.keyValueHeads,
    );
  if (headDim % 2 !== 0)
    throw fields.refuse(`has attention heads of ${headDim} values; expected an even number.`, keys.keyLength);
  for (const key of [keys.valueLength, keys.ropeDimensions]) fields.u32(key, headDim, headDim);
}

/** Divisors of the rotary frequencies (Llama 3.1 and later); in files of other Llamas there are none. */
const ROPE_DIVISORS = "rope_freqs.weight";

function checkTensors(gguf: GgufHeader, fields: Fields, shape: LlamaShape): void {
  const expected = expectedDims(shape);
  for (const tensor of gguf.tensors) {
    const dims = expected.get(tensor.name);
    if (dims === undefined && tensor.name === ROPE_DIVISORS) {
      checkTensor(fields, tensor, [shape.headDim / 2]);
      continue;
    }
    if (dims === undefined)
      throw tensorError(fields, tensor.name, "is not one of a Llama without a language model head");
    checkTensor(fields, tensor, dims);
    expected.delete(tensor.name);
  }
  const [missing] = expected;
  if (missing !== undefined) throw tensorError(fields, missing[0], `is missing; expected [${missing[1].join(", ")}]`);
}

function checkTensor(fields: Fields, tensor: TensorInfo, dims: readonly number[]): void {
  if (tensor.dims.length !== dims.length || tensor.dims.some((dim, i) => dim !== dims[i]))
    throw tensorError(
      fields,
      tensor.name,
      `has the dimensions [${tensor.dims.join(", ")}]; expected [${dims.join(", ")}]`,
    );
  // llama.cpp multiplies by norms in float32 only, and has no way to read some types back.
  const fits = dims.length === 1 ? tensor.type.name === "f32" : tensor.type.weights;
  if (!fits)
    throw tensorError(
      fields,
      tensor.name,
      `has the type ${tensor.type.name}; expected ${dims.length === 1 ? "f32" : "a weight type"}`,
    );
}

function expectedDims(shape: LlamaShape): Map<string, readonly number[]> {
  const { embeddingLength: width, feedForwardLength, heads, keyValueHeads, headDim, vocabularySize } = shape;
  const query = heads * headDim;
  const keyValue = keyValueHeads * headDim;
  const dims = new Map<string, readonly number[]>([
    ["token_embd.weight", [width, vocabularySize]],
    ["output_norm.weight", [width]],
  ]);
  for (let layer = 0; layer < shape.layers; layer++) {
    const set = (name: string, value: readonly number[]) => dims.set(`blk.${layer}.${name}.weight`, value);
    set("attn_norm", [width]);
    set("attn_q", [width, query]);
    set("attn_k", [width, keyValue]);
    set("attn_v", [width, keyValue]);
    set("attn_output", [query, width]);
    set("ffn_norm", [width]);
    set("ffn_gate", [width, feedForwardLength]);
    set("ffn_up", [width, feedForwardLength]);
    set("ffn_down", [feedForwardLength, width]);
  }
  return dims;
}

function tensorError(fields: Fields, tensor: string, what: string) {
  return fields.refuseTensor(tensor, `contains tensors that do not fit its metadata: ${quote(tensor)} ${what}.`);
}
