/**
 * Conversions between the three float formats of checkpoints, on the bits: rounding to nearest, ties to even, with
 * subnormals and infinities. The files are little-endian, and so is every machine that llama.cpp's packages exist for.
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

// One loop per pair of array types: V8 compiles a loop that sees only one kind of array to the fastest code.

const toHalfTables = new Map<string, Uint16Array>();
const toFullTables = new Map<string, Uint32Array>();

/** Sixteen bits have 65536 values: a table is faster than arithmetic. */
function table<T extends Uint16Array | Uint32Array>(made: Map<string, T>, key: FloatType, create: () => T): T {
  const known = made.get(key);
  if (known !== undefined) return known;
  const fresh = create();
  made.set(key, fresh);
  return fresh;
}

function widen(bits: number, from: FloatType): number {
  return from === "f16" ? f16ToF32Bits(bits) : (bits << 16) >>> 0;
}

function narrow(bits: number, to: FloatType): number {
  return to === "f16" ? f32ToF16Bits(bits) : f32ToBf16Bits(bits);
}

function halfToFull(source: Uint16Array, from: FloatType): Uint32Array {
  const map = table(toFullTables, from, () => Uint32Array.from({ length: 0x10000 }, (_, bits) => widen(bits, from)));
  const target = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) target[i] = map[source[i] as number] as number;
  return target;
}

/** From the one 16-bit format to the other. */
function halfToHalf(source: Uint16Array, from: FloatType, to: FloatType): Uint16Array {
  const create = () => Uint16Array.from({ length: 0x10000 }, (_, bits) => narrow(widen(bits, from), to));
  const map = table(toHalfTables, to, create);
  const target = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) target[i] = map[source[i] as number] as number;
  return target;
}

function fullToHalf(source: Uint32Array, to: FloatType): Uint16Array {
  const target = new Uint16Array(source.length);
  if (to === "f16") for (let i = 0; i < source.length; i++) target[i] = f32ToF16Bits(source[i] as number);
  else for (let i = 0; i < source.length; i++) target[i] = f32ToBf16Bits(source[i] as number);
  return target;
}

/**
 * Converts values to another format. The result is new memory unless the formats are equal.
 *
 * @param bytes whole values
 */
export function convertFloats(bytes: Uint8Array, from: FloatType, to: FloatType): Uint8Array {
  if (from === to) return bytes;
  if (from === "f32") return new Uint8Array(fullToHalf(fullWords(bytes), to).buffer);
  if (to === "f32") return new Uint8Array(halfToFull(halfWords(bytes), from).buffer);
  return new Uint8Array(halfToHalf(halfWords(bytes), from, to).buffer);
}

/** Values in float32, in memory of their own. */
export function toFloats(bytes: Uint8Array, from: FloatType): Float32Array {
  return new Float32Array(from === "f32" ? new Uint8Array(bytes).buffer : convertFloats(bytes, from, "f32").buffer);
}

/** The exponent bits of each format: all set means infinite or not a number. */
const exponents: { readonly [T in FloatType]: number } = { f32: 0x7f800000, f16: 0x7c00, bf16: 0x7f80 };

/** The index of the first value that is infinite or not a number; -1 where all are finite. */
export function firstNonFinite(bytes: Uint8Array, type: FloatType): number {
  return type === "f32" ? firstFull(fullWords(bytes), exponents.f32) : firstHalf(halfWords(bytes), exponents[type]);
}

function firstFull(values: Uint32Array, mask: number): number {
  for (let i = 0; i < values.length; i++) if (((values[i] as number) & mask) === mask) return i;
  return -1;
}

function firstHalf(values: Uint16Array, mask: number): number {
  for (let i = 0; i < values.length; i++) if (((values[i] as number) & mask) === mask) return i;
  return -1;
}

/** One value as a number, for messages and for the reward head. */
export function floatAt(bytes: Uint8Array, type: FloatType, index: number): number {
  if (type === "f32") scratchBits[0] = fullWords(bytes)[index] as number;
  else scratchBits[0] = widen(halfWords(bytes)[index] as number, type);
  return scratch[0] as number;
}

function halfWords(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset } = aligned(bytes, 2);
  return new Uint16Array(buffer, byteOffset, bytes.length / 2);
}

function fullWords(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset } = aligned(bytes, 4);
  return new Uint32Array(buffer, byteOffset, bytes.length / 4);
}

/** A view must start at a multiple of its element's size; a copy does. */
function aligned(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length % size !== 0) throw new RangeError(`${bytes.length} bytes are not whole values of ${size} bytes.`);
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}
