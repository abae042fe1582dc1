/** Changes of single metadata values: their types, their sizes, and their places among the numbers. */

import type { ArrayTypes, ElementType, GgufArray, GgufValue } from "../../../src/gguf/value.ts";
import { StringTable } from "../../../src/vocabulary/string-table.ts";
import { pick, type Random } from "../../unit/fuzz/byte-mutations.ts";

const U32 = 2 ** 32;
const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256, 257, 511, 512, 513, 1024];
const LARGE = [4095, 4096, 65_535, 65_536, 100_000, 2 ** 20, 2 ** 24, 2 ** 30, 2 ** 31 - 1, 2 ** 31, U32 - 2, U32 - 1];
const FLOATS = [0, -0, 1, -1, 0.5, 1e-45, 1e-6, 1e-5, 10, 1e4, 5e5, 1e30, 3.4e38, Number.NaN, Infinity, -Infinity];
const TEXTS = [
  "",
  "llama",
  "llama4",
  "clip",
  "mamba",
  "bert",
  "gpt2",
  "t5",
  "rwkv",
  "none",
  "no_vocab",
  "default",
  "linear",
];
const MORE_TEXTS = ["yarn", "longrope", "phi-3", "modern-bert", "x".repeat(300), "\n", "語", "%s%n", "{{ x }}", "../a"];
const ELEMENTS: readonly ElementType[] = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "u64",
  "i64",
  "f64",
  "bool",
  "string",
];

export function anyNumber(random: Random): number {
  return pick(random, random(3) === 0 ? LARGE : NUMBERS);
}

/** Of whatever type. */
export function anyValue(random: Random): GgufValue {
  const type = pick(random, ELEMENTS);
  if (random(4) !== 0) return scalar(type, random);
  return arrayOf(type, pick(random, [0, 1, 2, 3, 8, 300, 512, 513, 2000]), random);
}

export function changedValue(value: GgufValue, random: Random): GgufValue {
  if (random(6) === 0) return anyValue(random);
  if (value.type === "array") return changedArray(value, random);
  if (typeof value.value === "number" && random(2) === 0)
    return neighbour(value as GgufValue & { value: number }, random);
  if (typeof value.value === "number" && random(6) === 0) return retyped(value.value, random);
  return scalar(value.type, random);
}

function scalar(type: ElementType, random: Random): GgufValue {
  switch (type) {
    case "string":
      return { type, value: pick(random, random(2) === 0 ? TEXTS : MORE_TEXTS) };
    case "bool":
      return { type, value: random(2) === 0 };
    case "f32":
    case "f64":
      return { type, value: pick(random, FLOATS) };
    case "u64":
      return { type, value: pick(random, [0n, 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]) };
    case "i64":
      return { type, value: pick(random, [0n, -1n, 1n, 2n ** 32n, -(2n ** 63n), 2n ** 63n - 1n]) };
    default:
      return { type, value: fitted(type, anyNumber(random)) };
  }
}

const BITS = { u8: 8, i8: 8, u16: 16, i16: 16, u32: 32, i32: 32 } as const;

/** What the type's last bits hold. */
function fitted(type: keyof typeof BITS, value: number): number {
  const of = type.startsWith("u") ? BigInt.asUintN : BigInt.asIntN;
  return Number(of(BITS[type], BigInt(Math.trunc(value))));
}

function neighbour(value: GgufValue & { value: number }, random: Random): GgufValue {
  const { type, value: number } = value;
  const near = pick(random, [number + 1, number - 1, number * 2, number / 2, -number, number + 32, number - 32]);
  return { type, value: type in BITS ? fitted(type as keyof typeof BITS, near) : near } as GgufValue;
}

/** The same number as another type. */
function retyped(number: number, random: Random): GgufValue {
  const whole = Number.isFinite(number) ? Math.trunc(number) : 0;
  const type = pick(random, ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "f32", "f64", "string", "bool"] as const);
  if (type === "string") return { type, value: String(number) };
  if (type === "bool") return { type, value: number !== 0 };
  if (type === "u64") return { type, value: BigInt.asUintN(64, BigInt(whole)) };
  return { type, value: type === "f32" || type === "f64" ? number : fitted(type, whole) };
}

export function arrayOf(of: ElementType, length: number, random: Random): GgufArray {
  if (of === "string") {
    const strings = Array.from({ length }, (_, i) => (random(8) === 0 ? pick(random, TEXTS) : `piece ${i}`));
    return { type: "array", of, value: StringTable.from(strings) };
  }
  const value = new ARRAYS[of](length);
  if (value instanceof BigUint64Array || value instanceof BigInt64Array) value.fill(BigInt(random(3)));
  else if (of === "bool") value.fill(random(2));
  else value.fill(pick(random, of === "f32" || of === "f64" ? FLOATS : NUMBERS));
  return { type: "array", of, value } as GgufArray;
}

const ARRAYS: { readonly [T in Exclude<ElementType, "string">]: new (length: number) => ArrayTypes[T] } = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  bool: Uint8Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  f64: Float64Array,
};

function changedArray(array: GgufArray, random: Random): GgufArray {
  const { length } = array.value;
  if (array.of === "string") {
    const strings: (string | Uint8Array)[] = Array.from({ length }, (_, i) => array.value.bytesAt(i));
    return { ...array, value: StringTable.from(resized(strings, random) ?? changedStrings(strings, random)) };
  }
  const numbers = Array.from(array.value as Float32Array);
  const other = resized(numbers, random);
  if (other === undefined && length > 0) {
    const values = array.of === "f32" || array.of === "f64" ? FLOATS : [...NUMBERS, -1, 2 ** 31 - 1];
    if (typeof numbers[0] !== "bigint")
      for (let n = 1 + random(3); n > 0; n--) numbers[random(length)] = pick(random, values);
  }
  const make = ARRAYS[array.of] as unknown as { from(values: readonly number[]): Float32Array };
  const content = make.from(other ?? numbers);
  return { ...array, value: array.of === "bool" ? content.map((bit) => bit & 1) : content } as GgufArray;
}

/** Shorter, longer, empty or in another order; undefined: as it was. */
function resized<T>(list: readonly T[], random: Random): T[] | undefined {
  switch (random(8)) {
    case 0:
      return list.slice(0, random(list.length + 1));
    case 1:
      return [...list, ...list.slice(0, 1 + random(4))];
    case 2:
      return list.toReversed();
    case 3:
      return random(4) === 0 ? [] : list.slice(1);
    default:
      return undefined;
  }
}

const PIECES = [
  "",
  "<0x00>",
  "<0xZZ>",
  "▁",
  " ",
  "\n",
  "a b",
  "語".repeat(60),
  "</s>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
];

function changedStrings(strings: (string | Uint8Array)[], random: Random): (string | Uint8Array)[] {
  if (strings.length === 0) return ["x"];
  for (let count = 1 + random(3); count > 0; count--) {
    const at = random(strings.length);
    const kinds = [pick(random, PIECES), strings[random(strings.length)] ?? "", Uint8Array.of(0xff, 0xfe), `x${at}`];
    // Now and then one that is long enough to be felt where work grows with its square.
    strings[at] = random(20) === 0 ? pick(random, ["語", "a", "▁", "\u0120"]).repeat(200_000) : pick(random, kinds);
  }
  return strings;
}
