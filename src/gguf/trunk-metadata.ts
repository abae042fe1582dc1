/** The trunk of a GGUF: its hyperparameters, and whether its tensors fit them. */
import { quote } from "../files/byte-source.ts";
import { FLOAT_FIELDS, SHAPE_FIELDS, shapeProblem, type TrunkSettings, type TrunkShape } from "../trunk/shape.ts";
import { ROPE_DIVISORS } from "../trunk/tensor-names.ts";
import { expectedTensors, type Trunk, type TrunkNumber } from "../trunk/trunk.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import { bool, f32, type MetadataEntry, u32 } from "./entries.ts";
import type { Fields } from "./fields.ts";
import { alignUp, type GgufHeader, type TensorInfo } from "./header.ts";

/** LLAMA_POOLING_TYPE_LAST. */
const POOLING_LAST = 3;
/** Rotary embedding turns pairs of values. */
const MIN_HEAD_DIM = 2;
const ALIGNMENT = "general.alignment";

/** The keys of an architecture, by what they mean. */
function keysOf({ architecture }: Trunk) {
  const key = (name: string) => `${architecture}.${name}`;
  return {
    layers: key(SHAPE_FIELDS.layers.key),
    contextLength: key(SHAPE_FIELDS.contextLength.key),
    embeddingLength: key(SHAPE_FIELDS.embeddingLength.key),
    feedForwardLength: key(SHAPE_FIELDS.feedForwardLength.key),
    heads: key(SHAPE_FIELDS.heads.key),
    keyValueHeads: key(SHAPE_FIELDS.keyValueHeads.key),
    headDim: key(SHAPE_FIELDS.headDim.key),
    valueLength: key("attention.value_length"),
    rmsNormEpsilon: key(FLOAT_FIELDS.rmsNormEpsilon.key),
    causal: key("attention.causal"),
    ropeDimensions: key("rope.dimension_count"),
    ropeTheta: key(FLOAT_FIELDS.ropeTheta.key),
    vocabularySize: key(SHAPE_FIELDS.vocabularySize.key),
    pooling: key("pooling_type"),
    labels: key("classifier.output_labels"),
  };
}

/** The entries that {@link readTrunkShape} reads. */
export function trunkEntries(trunk: Trunk, settings: TrunkSettings): MetadataEntry[] {
  const keys = keysOf(trunk);
  return [
    [keys.layers, u32(settings.layers)],
    [keys.contextLength, u32(settings.contextLength)],
    [keys.embeddingLength, u32(settings.embeddingLength)],
    [keys.feedForwardLength, u32(settings.feedForwardLength)],
    [keys.heads, u32(settings.heads)],
    [keys.keyValueHeads, u32(settings.keyValueHeads)],
    [keys.headDim, u32(settings.headDim)],
    [keys.valueLength, u32(settings.headDim)],
    [keys.rmsNormEpsilon, f32(settings.rmsNormEpsilon)],
    [keys.causal, bool(true)],
    [keys.ropeDimensions, u32(settings.headDim)],
    [keys.ropeTheta, f32(settings.ropeTheta)],
    [keys.vocabularySize, u32(settings.vocabularySize)],
    ...numberEntries(trunk, settings.numbers),
    [keys.pooling, u32(POOLING_LAST)],
    [keys.labels, { type: "array", of: "string", value: StringTable.from(["reward"]) }],
  ];
}

function numberEntries(trunk: Trunk, values: TrunkSettings["numbers"]): MetadataEntry[] {
  return storedNumbers(trunk).flatMap(({ config, key, kind }) => {
    const value = values[config];
    return value === undefined ? [] : [[key, (kind === "u32" ? u32 : f32)(value)] satisfies MetadataEntry];
  });
}

/** The trunk's further numbers that a GGUF has, by their full keys. */
function storedNumbers({ architecture, numbers = [] }: Trunk): (TrunkNumber & { readonly key: string })[] {
  return numbers.flatMap((number) =>
    number.key === undefined ? [] : [{ ...number, key: `${architecture}.${number.key}` }],
  );
}

/**
 * Checks the hyperparameters against each other and against the tensors. Keys that the converter never writes are refused:
 * experts, scaled rotary embedding or sliding windows would change the numbers, and some of their values end the process
 * inside llama.cpp.
 */
export function readTrunkShape(gguf: GgufHeader, fields: Fields, trunk: Trunk): TrunkShape {
  if (fields.has("split.count") && fields.u32OrU16("split.count") > 1)
    throw fields.refuse(
      "is one part of a split GGUF under another name: its parts must be called NAME-00001-of-0000N.gguf, and be together.",
      "split.count",
    );
  const keys = keysOf(trunk);
  const numbers = storedNumbers(trunk);
  checkKeys(fields, trunk, [...Object.values(keys), ...numbers.map(({ key }) => key)]);
  const size = (field: keyof TrunkShape, min = 1) => fields.u32(keys[field], min, SHAPE_FIELDS[field].max);
  const shape: TrunkShape = {
    layers: size("layers"),
    contextLength: size("contextLength"),
    embeddingLength: size("embeddingLength"),
    feedForwardLength: size("feedForwardLength"),
    heads: size("heads"),
    keyValueHeads: size("keyValueHeads"),
    headDim: size("headDim", MIN_HEAD_DIM),
    vocabularySize: size("vocabularySize"),
  };
  const problem = shapeProblem(shape);
  if (problem !== undefined) throw fields.refuse(problem.sentence, keys[problem.field]);
  for (const key of [keys.valueLength, keys.ropeDimensions]) fields.u32(key, shape.headDim, shape.headDim);
  fields.positiveF32(keys.rmsNormEpsilon, FLOAT_FIELDS.rmsNormEpsilon.max);
  fields.positiveF32(keys.ropeTheta, FLOAT_FIELDS.ropeTheta.max);
  for (const { key, kind, max, nullable } of numbers) {
    if (nullable && !fields.has(key)) continue;
    if (kind === "u32") fields.u32(key, 1, max);
    else fields.positiveF32(key, max);
  }
  if (!fields.bool(keys.causal)) throw fields.refuse(`has ${keys.causal} = false; expected true.`, keys.causal);
  fields.u32(keys.pooling, POOLING_LAST, POOLING_LAST);
  if (fields.has(keys.labels)) fields.array(keys.labels, "string", 1);
  checkTensors(gguf, fields, trunk, shape);
  if (fields.has(ALIGNMENT)) checkEnd(gguf, fields);
  return shape;
}

function checkKeys(fields: Fields, { architecture }: Trunk, known: readonly string[]): void {
  for (const key of fields.keys())
    if (key.startsWith(`${architecture}.`) && !known.includes(key))
      throw fields.refuse(`has an unexpected metadata key, ${quote(key)}.`, key);
}

/**
 * If every size is a multiple of both alignments, the offsets fit even if the tensors were laid out with a larger one than the
 * file declares, and tensors would be read at the wrong positions. Such a file is longer than it should be.
 */
function checkEnd({ tensors, alignment, fileSize }: GgufHeader, fields: Fields): void {
  const end = Math.max(...tensors.map(({ position, size }) => position + size));
  const more = fileSize - alignUp(end, alignment);
  if (more > 0)
    throw fields.refuse(
      `is ${more} bytes longer than its tensors need with ${ALIGNMENT} = ${alignment}: it uses another alignment, or it is damaged.`,
      ALIGNMENT,
    );
}

function checkTensors(gguf: GgufHeader, fields: Fields, trunk: Trunk, shape: TrunkShape): void {
  const expected = new Map(expectedTensors(trunk, shape).map((tensor) => [tensor.target, dimsOf(tensor.shape)]));
  for (const tensor of gguf.tensors) {
    if (tensor.name === ROPE_DIVISORS && trunk.dividesRope) {
      checkTensor(fields, tensor, [shape.headDim / 2]);
      continue;
    }
    const dims = expected.get(tensor.name);
    if (dims === undefined)
      throw tensorError(
        fields,
        tensor.name,
        `is not one of the architecture ${trunk.architecture} without a language model head`,
      );
    checkTensor(fields, tensor, dims);
    expected.delete(tensor.name);
  }
  const [missing] = expected;
  if (missing !== undefined) throw tensorError(fields, missing[0], `is missing; expected [${missing[1].join(", ")}]`);
}

/** GGUF names the length of a row first. */
function dimsOf(shape: readonly number[]): readonly number[] {
  return [...shape].reverse();
}

function checkTensor(fields: Fields, tensor: TensorInfo, dims: readonly number[]): void {
  if (tensor.dims.length !== dims.length || tensor.dims.some((dim, i) => dim !== dims[i]))
    throw tensorError(
      fields,
      tensor.name,
      `has the dimensions [${tensor.dims.join(", ")}]; expected [${dims.join(", ")}]`,
    );
  // llama.cpp multiplies by norms in float32 only, and cannot read some types back.
  const fits = dims.length === 1 ? tensor.type.name === "f32" : tensor.type.weights;
  if (!fits)
    throw tensorError(
      fields,
      tensor.name,
      `has the type ${tensor.type.name}; expected ${dims.length === 1 ? "f32" : "a weight type"}`,
    );
}

function tensorError(fields: Fields, tensor: string, what: string) {
  return fields.refuseTensor(tensor, `contains tensors that do not fit its metadata: ${quote(tensor)} ${what}.`);
}
