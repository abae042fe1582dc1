/**
 * Our GEMM kernels by themselves: against float64 arithmetic on what the weights stand for, and every token to the same bits alone,
 * in company, in any order, and however the work is divided.
 */
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../../src/native/load-addon.ts";
import { takenFormats } from "./taken-formats.ts";
import { type Format, formats, random, randomWeights, type Weights } from "./weights.ts";

const addon = loadAddon();
const { gemm, emulated } = addon.prefillKernels();
const kernels = [...gemm, ...emulated];
const missing = ["amx-bf16", "avx512-vnni", "avx512", "avx-vnni", "avx2"].filter((name) => !gemm.includes(name));
if (missing.length > 0) console.warn(`Not run, because this processor has not what they need: ${missing.join(", ")}.`);

/**
 * Root mean square of the errors, in units of the products' deviation. Activations of 8 bits with a scale for 32 values round to
 * 0.0055, with one for 256, as llama.cpp's do for k-quants, to 0.007; bfloat16 to 0.0023; float32, and float16 in two halves,
 * to 5e-6.
 */
function limitOf(kernel: string, { name }: Format): number {
  if (name === "f16") return 6e-6;
  if (kernel.startsWith("amx")) return 0.003;
  if (name === "bf16") return 6e-6;
  // Activations of 16 bits.
  if (name === "q8_0") return 6e-5;
  return kernel !== "avx512-vnni" && name.endsWith("_k") ? 0.0076 : 0.0058;
}

const normal = (next: () => number) => 1.7 * (next() + next() + next() + next() - 2);
const activations = (tokens: number, columns: number, seed: number) => {
  const next = random(seed);
  return Float32Array.from({ length: tokens * columns }, () => normal(next));
};

interface Case {
  readonly kernel: string;
  readonly format: Format;
  readonly columns: number;
  readonly rows: number;
}

async function multiply(
  { kernel, format, columns, rows }: Case,
  weights: Weights,
  input: Float32Array,
  parts = 1,
): Promise<Float32Array> {
  const tokens = input.length / columns;
  const options = { kernel, type: format.type, columns, rows, tokens, parts, repetitions: 1 };
  return (await addon.prefillMultiply(options, weights.bytes, input)).products;
}

const taken = await takenFormats(addon, kernels);

/** In units of |w| · rms(x). */
function rootMeanSquare(
  products: Float32Array,
  { columns, rows }: Case,
  weights: Weights,
  input: Float32Array,
): number {
  let squares = 0;
  for (let token = 0; token < input.length / columns; token++)
    for (let row = 0; row < rows; row++) {
      let [sum, w, x] = [0, 0, 0];
      for (let i = 0; i < columns; i++) {
        const [a, b] = [weights.values[row * columns + i] as number, input[token * columns + i] as number];
        sum += a * b;
        w += a * a;
        x += b * b;
      }
      const unit = Math.sqrt((w * x) / columns) || 1;
      squares += (((products[token * rows + row] as number) - sum) / unit) ** 2;
    }
  return Math.sqrt(squares / products.length);
}

const SHAPES = [
  { columns: 256, rows: 1 },
  { columns: 256, rows: 33 },
  { columns: 768, rows: 100 },
  { columns: 1280, rows: 64 },
] as const;
const TOKENS = 37;

describe.runIf(kernels.length > 0).each(taken)("$kernel, $format.name", ({ kernel, format }) => {
  it.each(SHAPES)("is near the truth, and each token for itself: $columns x $rows", async (shape) => {
    const one = { kernel, format, ...shape };
    const weights = randomWeights(format, shape.columns, shape.rows, 7);
    const input = activations(TOKENS, shape.columns, 3);
    const together = await multiply(one, weights, input);
    expect(rootMeanSquare(together, one, weights, input)).toBeLessThan(limitOf(kernel, format));
    for (const parts of [2, 5, 64]) expect(await multiply(one, weights, input, parts)).toEqual(together);
    const row = (token: number) => together.subarray(token * shape.rows, (token + 1) * shape.rows);
    const inputOf = (token: number) => input.subarray(token * shape.columns, (token + 1) * shape.columns);
    for (const token of [0, 1, 5, 16, 31, 32, 36])
      expect(await multiply(one, weights, inputOf(token))).toEqual(row(token));
    // In another order, with another number of tokens.
    const chosen = [36, 3, 17, 8, 0, 33, 21];
    const mixed = Float32Array.from(chosen.flatMap((token) => [...inputOf(token)]));
    expect(await multiply(one, weights, mixed)).toEqual(Float32Array.from(chosen.flatMap((token) => [...row(token)])));
  });

  it("keeps what is not a number, and only there", async () => {
    const one = { kernel, format, columns: 256, rows: 40 };
    const wrong = new Map([
      [3, Number.NaN],
      [39, Number.POSITIVE_INFINITY],
    ]);
    const weights = randomWeights(format, one.columns, one.rows, 11, (row) => wrong.get(row));
    const input = activations(9, one.columns, 5);
    input[2 * one.columns + 100] = Number.NaN;
    input[7 * one.columns + 255] = Number.NEGATIVE_INFINITY;
    const products = await multiply(one, weights, input);
    for (let token = 0; token < 9; token++)
      for (let row = 0; row < one.rows; row++) {
        const isWrong = wrong.has(row) || token === 2 || token === 7;
        expect(Number.isFinite(products[token * one.rows + row]), `token ${token}, row ${row}`).toBe(!isWrong);
      }
  });

  it("takes activations of any size, and zeros", async () => {
    const one = { kernel, format, columns: 512, rows: 32 };
    const weights = randomWeights(format, one.columns, one.rows, 13);
    const sizes = [0, 1e-30, 1e-12, 1, 1e12, 1e30];
    const next = random(17);
    const input = Float32Array.from({ length: sizes.length * one.columns }, (_, i) => {
      return normal(next) * (sizes[Math.floor(i / one.columns)] as number);
    });
    const products = await multiply(one, weights, input);
    sizes.forEach((size, token) => {
      const mine = products.subarray(token * one.rows, (token + 1) * one.rows);
      if (size === 0) expect([...mine].every((value) => value === 0)).toBe(true);
      else {
        const rows = input.subarray(token * one.columns, (token + 1) * one.columns);
        expect(rootMeanSquare(mine, one, weights, rows), `${size}`).toBeLessThan(2 * limitOf(kernel, format));
      }
    });
  });
});

it.runIf(gemm.length > 0)("says how much memory packed weights take: little more than in the file", () => {
  for (const { type, length, bytes } of formats) {
    const shape = { type, columns: 2048, rows: 5632 };
    const packed = addon.prefillWeightBytes(shape);
    const inFile = ((2048 * 5632) / length) * bytes;
    if (packed > 0) expect(packed / inFile).toBeLessThan(2);
  }
});

it.runIf(gemm.length > 0)("has a kernel for every type, and each kernel its types", () => {
  const typesOf = (name: string) => taken.filter(({ kernel }) => kernel === name).map(({ format }) => format.name);
  const quantised = ["q4_0", "q8_0", "q4_k", "q5_k", "q6_k"];
  expect(new Set(gemm.flatMap(typesOf))).toEqual(new Set(formats.map(({ name }) => name)));
  if (gemm.includes("avx512-vnni")) expect(typesOf("avx512-vnni")).toEqual(quantised);
  if (gemm.includes("avx512")) expect(typesOf("avx512")).toEqual(["f16", "bf16"]);
  expect(emulated).toEqual(["amx-bf16-emulated"]);
  expect(typesOf("amx-bf16-emulated")).toEqual(formats.map(({ name }) => name));
});

it("refuses what it cannot compute, in a sentence", () => {
  const options = { kernel: gemm[0] ?? "none", type: 8, columns: 32, rows: 1, tokens: 1, parts: 1, repetitions: 1 };
  const call = (changes: object, weights = new Uint8Array(34), input = new Float32Array(32)) =>
    addon.prefillMultiply({ ...options, ...changes }, weights, input);
  expect(() => call({ kernel: "abacus" })).toThrow("This processor has no kernel abacus.");
  if (gemm.length === 0) return;
  expect(() => call({ type: 3 })).toThrow("No kernel takes weights of the type 3.");
  expect(() => call({ columns: 33 })).toThrow(/does not take such weights/);
  expect(() => call({ tokens: 0 })).toThrow(/options.tokens/);
  expect(() => call({}, new Uint8Array(33))).toThrow("Expected at least 34 bytes in weights.");
  expect(() => call({ tokens: 2 })).toThrow("Expected at least 256 bytes in input.");
});
