import type { TensorType } from "./types.ts";
import type { GgufValue } from "./value.ts";

export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  /** dims[0] is the row length, dims[1] the number of rows: the reverse of PyTorch's order. */
  readonly dims: readonly number[];
  /** Bytes from the start of the file. */
  readonly position: number;
  /** Bytes. */
  readonly size: number;
}

/** Everything before the tensor data of a GGUF. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly TensorInfo[];
  /** Bytes; tensor data starts at multiples of it. */
  readonly alignment: number;
  /** Where the tensor data starts, in bytes from the start of the file. */
  readonly dataPosition: number;
  /** Bytes of the whole file. */
  readonly fileSize: number;
  /** Of a split GGUF; positions go on from part to part. */
  readonly parts?: readonly GgufPart[];
}

/** One file of a split GGUF. */
export interface GgufPart {
  readonly path: string;
  /** Bytes of the parts before it. */
  readonly start: number;
  /** Bytes. */
  readonly size: number;
}

/** Where tensors start unless general.alignment says otherwise (GGUF_DEFAULT_ALIGNMENT). */
export const DEFAULT_ALIGNMENT = 32;
/** llama.cpp's GGML_MAX_NAME - 1: longer tensor names are refused by it. */
export const MAX_TENSOR_NAME_BYTES = 63;
/** llama.cpp's GGML_MAX_DIMS. */
export const MAX_DIMS = 4;

/** `position` rounded up to a multiple of `alignment`; exact up to 2^53. */
export function alignUp(position: number, alignment: number): number {
  const rest = position % alignment;
  return rest === 0 ? position : position + alignment - rest;
}

/** Number of weights in a tensor of these dimensions; exact up to 2^53. */
export function weightCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
