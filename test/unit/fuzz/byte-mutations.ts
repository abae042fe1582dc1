/** Changes to bytes that know nothing of their format but where its structure lies. */

/** A whole number below n. */
export type Random = (n: number) => number;
/** From the first byte to the one behind the last. */
export type Range = readonly [start: number, end: number];

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random(choices.length)] as T;
}

/** Most bytes that one mutation adds: what is tested is what a file says of itself, not how much it holds. */
const MAX_ADDED_BYTES = 4096;
const BYTES = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
const WIDTHS = [1, 2, 4, 8] as const;

/**
 * Applies one to four mutations.
 *
 * @param structure where lengths, names and tables lie; most mutations strike there
 * @param other a file of the same format, of which a part may be taken
 */
export function mutateBytes(bytes: Buffer, random: Random, structure: readonly Range[], other: Buffer): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let count = 1 + random(4); count > 0 && result.length > 0; count--) {
    const at = position(result, random, structure);
    result = pick(random, mutations)(result, random, at, other);
  }
  return result;
}

function position(bytes: Buffer, random: Random, structure: readonly Range[]): number {
  if (structure.length === 0 || random(10) === 0) return random(bytes.length);
  const [start, end] = pick(random, structure);
  return Math.max(0, Math.min(bytes.length - 1, start + random(Math.max(1, end - start))));
}

type Mutation = (bytes: Buffer, random: Random, at: number, other: Buffer) => Buffer;

const replaceNumber: Mutation = (bytes, random, at) => {
  const width = pick(random, WIDTHS);
  if (at + width > bytes.length) return bytes;
  const top = 1n << BigInt(8 * width);
  let before = 0n;
  for (let i = width - 1; i >= 0; i--) before = (before << 8n) | BigInt(bytes[at + i] as number);
  const size = BigInt(bytes.length);
  let value = pick(random, [
    0n,
    1n,
    top - 1n,
    top / 2n,
    top / 2n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 32n,
    2n ** 31n - 1n,
    before + 1n,
    before - 1n,
    before * 2n,
    -before,
    before << 32n,
    size,
    size - 1n,
    size + 1n,
    size - BigInt(at),
    BigInt(at),
  ]);
  value = BigInt.asUintN(8 * width, value);
  for (let i = 0; i < width; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
};

/** Length fields hold small numbers: looks for one nearby that could be a length, so that most hits are genuine ones. */
const replaceLength: Mutation = (bytes, random, at, other) => {
  for (let i = at; i + 8 <= bytes.length && i < at + 64; i++) {
    const value = bytes.readBigUInt64LE(i);
    if (value === 0n || value >= BigInt(bytes.length)) continue;
    const forged = pick(random, [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, 2n ** 40n, value + 1n, value - 1n, 2n ** 34n]);
    bytes.writeBigUInt64LE(forged, i);
    return bytes;
  }
  return replaceNumber(bytes, random, at, other);
};

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random, at) {
    bytes[at] = (bytes[at] as number) ^ (1 << random(8));
    return bytes;
  },
  function setByte(bytes, random, at) {
    bytes[at] = random(3) === 0 ? random(256) : pick(random, BYTES);
    return bytes;
  },
  replaceNumber,
  replaceLength,
  replaceLength,
  function cutOff(bytes, _random, at) {
    return bytes.subarray(0, at);
  },
  function remove(bytes, random, at) {
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(64))]);
  },
  function duplicate(bytes, random, at) {
    const end = Math.min(bytes.length, at + 1 + random(MAX_ADDED_BYTES));
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
  },
  function swap(bytes, random, at) {
    const length = 1 + random(64);
    const to = random(bytes.length);
    const [first, second] = [Math.min(at, to), Math.max(at, to)];
    if (first + length > second || second + length > bytes.length) return bytes;
    const kept = Buffer.from(bytes.subarray(first, first + length));
    bytes.copyWithin(first, second, second + length);
    kept.copy(bytes, second);
    return bytes;
  },
  function insert(bytes, random, at) {
    const length = 1 + random(random(8) === 0 ? MAX_ADDED_BYTES : 16);
    const fill = Buffer.alloc(length, pick(random, BYTES));
    if (random(2) === 0) for (let i = 0; i < length; i++) fill[i] = random(256);
    return Buffer.concat([bytes.subarray(0, at), fill, bytes.subarray(at)]);
  },
  function splice(bytes, random, at, other) {
    const from = random(2) === 0 ? Math.min(at, other.length) : random(other.length);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(from)]);
  },
];
