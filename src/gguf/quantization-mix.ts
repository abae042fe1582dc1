/**
 * Which type each tensor of a quantised file gets: the choices of llama.cpp's quantiser (llama-quant.cpp) for the llama
 * architecture without experts and without an importance matrix. test/native/convert.test.ts compares it with the quantiser.
 */
import type { TrunkShape } from "../trunk/shape.ts";
import { placeInLayer, TOKEN_EMBEDDINGS } from "../trunk/tensor-names.ts";

/** The type of most matrices of a file. */
const DEFAULT_TYPES: { readonly [fileType: string]: string } = {
  q8_0: "q8_0",
  q6_k: "q6_k",
  q5_k_m: "q5_k",
  q5_k_s: "q5_k",
  q5_1: "q5_1",
  q5_0: "q5_0",
  q4_k_m: "q4_k",
  q4_k_s: "q4_k",
  q4_1: "q4_1",
  q4_0: "q4_0",
  q3_k_l: "q3_k",
  q3_k_m: "q3_k",
  q3_k_s: "q3_k",
  q2_k: "q2_k",
};

/** Replacements for types whose blocks do not divide the rows. */
const FALLBACKS: { readonly [type: string]: string } = {
  q6_k: "q8_0",
  q5_k: "q5_1",
  q4_k: "q5_0",
  q3_k: "q4_0",
  q2_k: "q4_0",
};
const WIDE_BLOCK = 256;
const NARROW_BLOCK = 32;

/** The type of most matrices of a file type, for example "q4_k" of "q4_k_m"; undefined for one that is not quantised here. */
export function baseType(fileType: string): string | undefined {
  return Object.hasOwn(DEFAULT_TYPES, fileType) ? DEFAULT_TYPES[fileType] : undefined;
}

/** The sizes that the mix depends on. */
export type MixShape = Pick<TrunkShape, "layers" | "heads" | "keyValueHeads">;

/**
 * @param fileType name of a quantised file type, such as "q4_k_m"
 * @param name of the tensor in the GGUF; a matrix
 * @param rowLength values of a row
 * @returns the name of the tensor's type
 */
export function quantizedType(fileType: string, name: string, rowLength: number, shape: MixShape): string {
  return fitting(chosen(fileType, knownBase(fileType), name, rowLength, shape), rowLength);
}

/** The type that the tensor would have if its rows held whole blocks of it. */
export function wantedType(fileType: string, name: string, shape: MixShape): string {
  return chosen(fileType, knownBase(fileType), name, WIDE_BLOCK, shape);
}

function knownBase(fileType: string): string {
  const base = baseType(fileType);
  if (base === undefined) throw new RangeError(`The file type ${fileType} is not a quantised one.`);
  return base;
}

function chosen(fileType: string, base: string, name: string, rowLength: number, shape: MixShape): string {
  // The output matrix, or the embeddings that replace it.
  if (name === "output.weight" || name === TOKEN_EMBEDDINGS)
    return base === "q8_0" || rowLength % blockOf(base) !== 0 ? "q8_0" : "q6_k";
  const { layer = 0, part } = placeInLayer(name) ?? {};
  switch (part) {
    case "attn_v.weight":
      return valueType(fileType, base, layer, shape);
    case "ffn_down.weight":
      return downType(fileType, base, layer, shape.layers);
    case "attn_output.weight":
      return { q2_k: "q3_k", q3_k_m: "q4_k", q3_k_l: "q5_k" }[fileType] ?? base;
    default:
      return base;
  }
}

function valueType(fileType: string, base: string, layer: number, shape: MixShape): string {
  const type = valueTypeOfFile(fileType, base, layer, shape);
  // The 70B's eight heads share their values, which makes more bits for them cheap.
  const is70B = shape.layers === 80 && shape.heads !== shape.keyValueHeads;
  return is70B && (type === "q3_k" || type === "q4_k") ? "q5_k" : type;
}

function valueTypeOfFile(fileType: string, base: string, layer: number, shape: MixShape): string {
  switch (fileType) {
    case "q2_k":
      return shape.heads / shape.keyValueHeads >= 4 ? "q4_k" : "q3_k";
    case "q3_k_m":
      return layer < 2 ? "q5_k" : "q4_k";
    case "q3_k_l":
      return "q5_k";
    case "q4_k_s":
      return layer < 4 ? "q5_k" : base;
    case "q4_k_m":
    case "q5_k_m":
      return getsMoreBits(layer, shape.layers) ? "q6_k" : base;
    default:
      return base;
  }
}

function downType(fileType: string, base: string, layer: number, layers: number): string {
  switch (fileType) {
    case "q2_k":
      return "q3_k";
    case "q3_k_m":
      return layer < Math.floor(layers / 16) ? "q5_k" : "q4_k";
    case "q3_k_l":
      return "q5_k";
    case "q4_k_s":
      return layer < Math.floor(layers / 8) ? "q5_k" : base;
    case "q4_k_m":
    case "q5_k_m":
      return getsMoreBits(layer, layers) ? "q6_k" : base;
    default:
      return base;
  }
}

/** The first and the last eighth of the layers, and every third between. */
function getsMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

function fitting(type: string, rowLength: number): string {
  if (rowLength % blockOf(type) === 0) return type;
  const fallback = FALLBACKS[type] ?? type;
  return rowLength % blockOf(fallback) === 0 ? fallback : "f16";
}

function blockOf(type: string): number {
  return type.endsWith("_k") ? WIDE_BLOCK : NARROW_BLOCK;
}

/** The order in which llama.cpp's quantiser writes tensors: by layer, those of no layer first, then by name. */
export function inQuantizerOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[] {
  const layerOf = ({ name }: T) => placeInLayer(name)?.layer ?? -1;
  return [...tensors].sort((a, b) => layerOf(a) - layerOf(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
