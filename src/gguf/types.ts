/**
 * The tables of the GGUF format: metadata value types, tensor types (ggml_type, from ggml.h) and whole-file weight
 * types (llama_ftype, from llama.h). test/native/llama-source.test.ts compares them with llama.cpp's headers.
 */

/** A tensor type of ggml: `blockBytes` bytes hold `blockSize` neighbouring values of a row. */
export interface TensorType {
  readonly id: number;
  readonly name: string;
  readonly blockSize: number;
  readonly blockBytes: number;
  /** llama.cpp can dequantise it: it may hold a weight matrix. */
  readonly weights: boolean;
}

const rows: readonly (readonly [id: number, name: string, blockSize: number, blockBytes: number])[] = [
  [0, "f32", 1, 4],
  [1, "f16", 1, 2],
  [2, "q4_0", 32, 18],
  [3, "q4_1", 32, 20],
  [6, "q5_0", 32, 22],
  [7, "q5_1", 32, 24],
  [8, "q8_0", 32, 34],
  [9, "q8_1", 32, 36],
  [10, "q2_k", 256, 84],
  [11, "q3_k", 256, 110],
  [12, "q4_k", 256, 144],
  [13, "q5_k", 256, 176],
  [14, "q6_k", 256, 210],
  [15, "q8_k", 256, 292],
  [16, "iq2_xxs", 256, 66],
  [17, "iq2_xs", 256, 74],
  [18, "iq3_xxs", 256, 98],
  [19, "iq1_s", 256, 50],
  [20, "iq4_nl", 32, 18],
  [21, "iq3_s", 256, 110],
  [22, "iq2_s", 256, 82],
  [23, "iq4_xs", 256, 136],
  [24, "i8", 1, 1],
  [25, "i16", 1, 2],
  [26, "i32", 1, 4],
  [27, "i64", 1, 8],
  [28, "f64", 1, 8],
  [29, "iq1_m", 256, 56],
  [30, "bf16", 1, 2],
  [34, "tq1_0", 256, 54],
  [35, "tq2_0", 256, 66],
  [39, "mxfp4", 32, 17],
  [40, "nvfp4", 64, 36],
  [41, "q1_0", 128, 18],
  [42, "q2_0", 64, 18],
];

/**
 * Integers are not weights; q8_1 and q8_k are llama.cpp's own intermediate forms, which it cannot read back; nvfp4
 * needs scale tensors beside it.
 */
const notForWeights = new Set(["q8_1", "q8_k", "i8", "i16", "i32", "i64", "f64", "nvfp4"]);

const tensorTypes: readonly TensorType[] = rows.map(([id, name, blockSize, blockBytes]) => ({
  id,
  name,
  blockSize,
  blockBytes,
  weights: !notForWeights.has(name),
}));

const tensorTypesById = new Map(tensorTypes.map((type) => [type.id, type]));
const tensorTypesByName = new Map(tensorTypes.map((type) => [type.name, type]));

/** The tensor type with this ggml_type id; undefined for an id that llama.cpp does not have, or removed. */
export function tensorTypeById(id: number): TensorType | undefined {
  return tensorTypesById.get(id);
}

/** The tensor type with this lower-case name, for example "bf16" or "q4_k". */
export function tensorTypeByName(name: string): TensorType {
  const type = tensorTypesByName.get(name);
  if (type === undefined) throw new RangeError(`There is no tensor type ${name}.`);
  return type;
}

/** Bytes that a tensor of `dims` (dims[0] = row length) takes; dims[0] must be a multiple of the block size. */
export function tensorBytes(type: TensorType, dims: readonly bigint[]): bigint {
  const values = dims.reduce((product, dim) => product * dim, 1n);
  return (values / BigInt(type.blockSize)) * BigInt(type.blockBytes);
}

/** Ids of the metadata value types in the file (gguf_type in gguf.h). */
export const VALUE_TYPE_IDS = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

export type ValueType = keyof typeof VALUE_TYPE_IDS;

const valueTypesById = new Map<number, ValueType>(
  Object.entries(VALUE_TYPE_IDS).map(([name, id]) => [id, name as ValueType]),
);

export function valueTypeById(id: number): ValueType | undefined {
  return valueTypesById.get(id);
}

/** How a weight type is made: written here, or by llama.cpp's quantiser. */
type FileTypeKind = "direct" | "quantized" | "imatrix";

export interface FileType {
  /** llama_ftype, the value of general.file_type. */
  readonly id: number;
  /** Lower case, as on the command line. */
  readonly name: string;
  /** "imatrix": llama.cpp makes it only with an importance matrix, which this version does not compute. */
  readonly kind: FileTypeKind;
}

const fileTypes: readonly FileType[] = [
  { id: 0, name: "f32", kind: "direct" },
  { id: 1, name: "f16", kind: "direct" },
  { id: 32, name: "bf16", kind: "direct" },
  { id: 7, name: "q8_0", kind: "quantized" },
  { id: 18, name: "q6_k", kind: "quantized" },
  { id: 17, name: "q5_k_m", kind: "quantized" },
  { id: 16, name: "q5_k_s", kind: "quantized" },
  { id: 9, name: "q5_1", kind: "quantized" },
  { id: 8, name: "q5_0", kind: "quantized" },
  { id: 15, name: "q4_k_m", kind: "quantized" },
  { id: 14, name: "q4_k_s", kind: "quantized" },
  { id: 3, name: "q4_1", kind: "quantized" },
  { id: 2, name: "q4_0", kind: "quantized" },
  { id: 13, name: "q3_k_l", kind: "quantized" },
  { id: 12, name: "q3_k_m", kind: "quantized" },
  { id: 11, name: "q3_k_s", kind: "quantized" },
  { id: 10, name: "q2_k", kind: "quantized" },
  { id: 21, name: "q2_k_s", kind: "imatrix" },
  { id: 19, name: "iq2_xxs", kind: "imatrix" },
  { id: 20, name: "iq2_xs", kind: "imatrix" },
  { id: 28, name: "iq2_s", kind: "imatrix" },
  { id: 29, name: "iq2_m", kind: "imatrix" },
  { id: 22, name: "iq3_xs", kind: "imatrix" },
  { id: 23, name: "iq3_xxs", kind: "imatrix" },
  { id: 26, name: "iq3_s", kind: "imatrix" },
  { id: 27, name: "iq3_m", kind: "imatrix" },
  { id: 24, name: "iq1_s", kind: "imatrix" },
  { id: 31, name: "iq1_m", kind: "imatrix" },
  { id: 25, name: "iq4_nl", kind: "imatrix" },
  { id: 30, name: "iq4_xs", kind: "imatrix" },
];

/** The weight type with this name, in any case; undefined for a name that is not in the table. */
export function fileTypeByName(name: string): FileType | undefined {
  const lower = name.toLowerCase();
  return fileTypes.find((type) => type.name === lower);
}

/** The name of a llama_ftype, or "type N" for one that is not in the table. */
export function fileTypeName(id: number): string {
  return fileTypes.find((type) => type.id === id)?.name ?? `type ${id}`;
}

/** The names that {@link fileTypeByName} knows and that can be converted to, best precision first. */
export function convertibleTypeNames(): string[] {
  return fileTypes.filter((type) => type.kind !== "imatrix").map((type) => type.name);
}
