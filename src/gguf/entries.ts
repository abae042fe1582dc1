/** Metadata values of a GGUF, and lists of entries in which some are left out. */
import type { GgufValue } from "./value.ts";

export type MetadataEntry = [key: string, value: GgufValue];

/** The entries that have a value. */
export function present(entries: readonly (readonly [string, GgufValue | undefined])[]): MetadataEntry[] {
  return entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] satisfies MetadataEntry]));
}

export function text(value: string): GgufValue {
  return { type: "string", value };
}

export function u32(value: number): GgufValue {
  return { type: "u32", value };
}

export function u16(value: number): GgufValue {
  return { type: "u16", value };
}

export function f32(value: number): GgufValue {
  return { type: "f32", value };
}

export function f64(value: number): GgufValue {
  return { type: "f64", value };
}

export function bool(value: boolean): GgufValue {
  return { type: "bool", value };
}

/** As i32[], in which -1 has a place. */
export function ids(list: readonly number[]): GgufValue {
  return { type: "array", of: "i32", value: Int32Array.from(list) };
}

/** Undefined stays undefined: {@link present} leaves the entry out. */
export function optional<T>(value: T | undefined, make: (value: T) => GgufValue): GgufValue | undefined {
  return value === undefined ? undefined : make(value);
}
