/** Random weights in llama.cpp's block formats, and what they stand for: written from ggml-common.h, apart from the addon. */

export interface Format {
  readonly name: string;
  /** ggml_type. */
  readonly type: number;
  /** Values, and bytes, of a block. */
  readonly length: number;
  readonly bytes: number;
  decode(block: DataView): number[];
}

/** Uniform in [0, 1), the same in every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | Math.floor((size / 2 ** exponent - 1) * 1024);
}

export function fromHalf(half: number): number {
  const [exponent, mantissa] = [(half >> 10) & 31, half & 1023];
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

const bits = (value: number) => new DataView(new Float32Array([value]).buffer).getUint32(0, true);

const half = (block: DataView, at: number) => fromHalf(block.getUint16(at, true));
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Pairs of six bits in twelve bytes. */
function scalesAndMinima(block: DataView): { scale: number; minimum: number }[] {
  const at = (i: number) => block.getUint8(4 + i);
  return range(8).map((i) =>
    i < 4
      ? { scale: at(i) & 63, minimum: at(i + 4) & 63 }
      : {
          scale: (at(i + 4) & 15) | ((at(i - 4) >> 6) << 4),
          minimum: (at(i + 4) >> 4) | ((at(i) >> 6) << 4),
        },
  );
}

function withMinima(block: DataView, low: number, fifth: number | undefined): number[] {
  const [scaleUnit, minimumUnit] = [half(block, 0), half(block, 2)];
  return scalesAndMinima(block).flatMap(({ scale, minimum }, group) =>
    range(32).map((i) => {
      const byte = block.getUint8(low + Math.floor(group / 2) * 32 + i);
      const bit = fifth === undefined ? 0 : (block.getUint8(fifth + i) >> group) & 1;
      const value = (group % 2 === 0 ? byte & 15 : byte >> 4) + 16 * bit;
      // As ggml does: products of the units are rounded to float32.
      return Math.fround(scaleUnit * scale) * value - Math.fround(minimumUnit * minimum);
    }),
  );
}

export const formats: readonly Format[] = [
  { name: "f16", type: 1, length: 1, bytes: 2, decode: (block) => [half(block, 0)] },
  {
    name: "bf16",
    type: 30,
    length: 1,
    bytes: 2,
    decode(block) {
      const bits = new DataView(new ArrayBuffer(4));
      bits.setUint32(0, block.getUint16(0, true) << 16);
      return [bits.getFloat32(0)];
    },
  },
  {
    name: "q4_0",
    type: 2,
    length: 32,
    bytes: 18,
    decode: (block) =>
      range(32).map((i) => {
        const byte = block.getUint8(2 + (i % 16));
        return half(block, 0) * ((i < 16 ? byte & 15 : byte >> 4) - 8);
      }),
  },
  {
    name: "q8_0",
    type: 8,
    length: 32,
    bytes: 34,
    decode: (block) => range(32).map((i) => half(block, 0) * block.getInt8(2 + i)),
  },
  { name: "q4_k", type: 12, length: 256, bytes: 144, decode: (block) => withMinima(block, 16, undefined) },
  { name: "q5_k", type: 13, length: 256, bytes: 176, decode: (block) => withMinima(block, 48, 16) },
  {
    name: "q6_k",
    type: 14,
    length: 256,
    bytes: 210,
    decode: (block) =>
      range(256).map((i) => {
        const [part, place] = [Math.floor(i / 128), i % 32];
        const quarter = Math.floor((i % 128) / 32);
        const low = (block.getUint8(part * 64 + (quarter % 2) * 32 + place) >> (quarter >= 2 ? 4 : 0)) & 15;
        const high = (block.getUint8(128 + part * 32 + place) >> (2 * quarter)) & 3;
        const scale = Math.fround(half(block, 208) * block.getInt8(192 + Math.floor(i / 16)));
        return scale * ((low | (high << 4)) - 32);
      }),
  },
];

/** Where the block scales of a format are. */
const SCALES: Readonly<Record<string, readonly number[]>> = {
  q4_0: [0],
  q8_0: [0],
  q4_k: [0, 2],
  q5_k: [0, 2],
  q6_k: [208],
};

export interface Weights {
  readonly bytes: Uint8Array;
  /** float64[rows, columns]. */
  readonly values: Float64Array;
}

/** @param scale replaces the block scales of some rows, for example by NaN */
export function randomWeights(
  format: Format,
  columns: number,
  rows: number,
  seed: number,
  scale: (row: number) => number | undefined = () => undefined,
): Weights {
  const next = random(seed);
  const perRow = (columns / format.length) * format.bytes;
  const bytes = new Uint8Array(rows * perRow).map(() => Math.floor(next() * 256));
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let block = 0; block < columns / format.length; block++) {
      const at = row * perRow + block * format.bytes;
      const view = new DataView(bytes.buffer, at, format.bytes);
      const places = SCALES[format.name];
      if (places === undefined) {
        const value = scale(row) ?? (next() - 0.5) / 8;
        if (format.name === "f16") view.setUint16(0, toHalf(value), true);
        else view.setUint16(0, bits(value) >>> 16, true);
      } else for (const place of places) view.setUint16(place, toHalf(scale(row) ?? next() / 64), true);
      values.set(format.decode(view), row * columns + block * format.length);
    }
  return { bytes, values };
}
