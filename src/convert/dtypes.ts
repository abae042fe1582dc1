/**
 * Conversions between the three float formats of checkpoints, on the bits: rounding to nearest, ties to even, with
 * subnormals and infinities. A machine is little-endian wherever llama.cpp's packages exist, as the files are.
 */

export type FloatType = "f32" | "f16" | "bf16";

export const FLOAT_BYTES: { readonly [T in FloatType]: number } = { f32: 4, f16: 2, bf16: 2 };

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The bits of the f32 that equals the f16 with these bits; exact. */
export function f16ToF32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  // Zero or subnormal: fraction · 2^-24, which f32 holds as a normal number.
  scratch[0] = fraction * 2 ** -24;
  return (sign | (scratchBits[0] as number)) >>> 0;
}

/** The bits of the f16 nearest to the f32 with these bits; above 65519.99… that is infinity. */
export function f32ToF16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >> 13) & 0x1ff);
  // 65520 and above is nearer to 2^16, which f16 does not have.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // 2^-14 and above is a normal f16: move the exponent, round away 13 bits; a carry runs into the exponent as it must.
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13);
  // 2^-25 exactly is a tie between 0 and the smallest subnormal; the even one is 0.
  if (magnitude <= 0x33000000) return sign;
  const exponent = magnitude >> 23;
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const half = 1 << (shift - 1);
  return sign | ((fraction + half - 1 + ((fraction >> shift) & 1)) >> shift);
}

/** The bits of the bf16 nearest to the f32 with these bits. */
export function f32ToBf16Bits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

const tables = new Map<string, Uint16Array | Uint32Array>();

/** Sixteen bits have 65536 values: a table is faster than arithmetic. */
function table(from: "f16" | "bf16", to: FloatType): Uint16Array | Uint32Array {
  const key = `${from} ${to}`;
  const known = tables.get(key);
  if (known !== undefined) return known;
  const widen = from === "f16" ? f16ToF32Bits : (bits: number) => (bits << 16) >>> 0;
  const narrow = to === "f32" ? (bits: number) => bits : to === "f16" ? f32ToF16Bits : f32ToBf16Bits;
  const made = to === "f32" ? new Uint32Array(0x10000) : new Uint16Array(0x10000);
  for (let bits = 0; bits < 0x10000; bits++) made[bits] = narrow(widen(bits));
  tables.set(key, made);
  return made;
}

/**
 * Converts values to another format. The result is new memory unless the formats are equal.
 *
 * @param bytes whole values, starting at a multiple of their size in its buffer
 */
export function convertFloats(bytes: Uint8Array, from: FloatType, to: FloatType): Uint8Array {
  if (from === to) return bytes;
  const source = words(bytes, from);
  const target = to === "f32" ? new Uint32Array(source.length) : new Uint16Array(source.length);
  if (from !== "f32") {
    const map = table(from, to);
    for (let i = 0; i < source.length; i++) target[i] = map[source[i] as number] as number;
  } else if (to === "f16") for (let i = 0; i < source.length; i++) target[i] = f32ToF16Bits(source[i] as number);
  else for (let i = 0; i < source.length; i++) target[i] = f32ToBf16Bits(source[i] as number);
  return new Uint8Array(target.buffer);
}

/** The exponent bits of each format: all set means infinite or not a number. */
const exponents: { readonly [T in FloatType]: number } = { f32: 0x7f800000, f16: 0x7c00, bf16: 0x7f80 };

/** The index of the first value that is infinite or not a number; -1 where all are finite. */
export function firstNonFinite(bytes: Uint8Array, type: FloatType): number {
  const mask = exponents[type];
  const values = words(bytes, type);
  for (let i = 0; i < values.length; i++) if (((values[i] as number) & mask) === mask) return i;
  return -1;
}

/** One value as a number, for messages and for the reward head. */
export function floatAt(bytes: Uint8Array, type: FloatType, index: number): number {
  const bits = words(bytes, type)[index] as number;
  scratchBits[0] = type === "f32" ? bits : type === "f16" ? f16ToF32Bits(bits) : bits << 16;
  return scratch[0] as number;
}

function words(bytes: Uint8Array, type: FloatType): Uint16Array | Uint32Array {
  const size = FLOAT_BYTES[type];
  if (bytes.length % size !== 0) throw new RangeError(`${bytes.length} bytes are not whole ${type} values.`);
  // A view must start at a multiple of its element's size; a copy does.
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  return size === 4
    ? new Uint32Array(buffer, byteOffset, bytes.length / 4)
    : new Uint16Array(buffer, byteOffset, bytes.length / 2);
}
