import type { StringTable } from "../vocabulary/string-table.ts";
import type { ValueType } from "./types.ts";

/** The array type that holds the elements of a metadata array; `bool` is one byte each, 0 or 1. */
export interface ArrayTypes {
  u8: Uint8Array;
  i8: Int8Array;
  u16: Uint16Array;
  i16: Int16Array;
  u32: Uint32Array;
  i32: Int32Array;
  f32: Float32Array;
  bool: Uint8Array;
  u64: BigUint64Array;
  i64: BigInt64Array;
  f64: Float64Array;
  string: StringTable;
}

export type ElementType = keyof ArrayTypes;

export type GgufArray = {
  [T in ElementType]: { readonly type: "array"; readonly of: T; readonly value: ArrayTypes[T] };
}[ElementType];

/** One metadata value together with its type in the file. */
export type GgufValue =
  | { readonly type: "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f32" | "f64"; readonly value: number }
  | { readonly type: "u64" | "i64"; readonly value: bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | GgufArray;

/** Name for people: "f32", "string", "array of i32". */
export function valueTypeName(value: GgufValue): string {
  return value.type === "array" ? `array of ${value.of}` : value.type;
}

/** The bytes of one element of a number type in the file. */
export const ELEMENT_BYTES: { readonly [T in Exclude<ValueType, "string" | "array">]: number } = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  u64: 8,
  i64: 8,
  f64: 8,
};
