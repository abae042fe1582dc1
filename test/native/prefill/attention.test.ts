/**
 * Our attention kernels by themselves: against float64 arithmetic, and every token to the same bits alone, in company, and with
 * any cells behind those that it attends to.
 */
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../../src/native/load-addon.ts";
import { fromHalf, random, toHalf } from "./weights.ts";

const addon = loadAddon();
const { attention: kernels } = addon.prefillKernels();
const missing = ["avx512", "avx2"].filter((name) => !kernels.includes(name));
if (missing.length > 0)
  console.warn(`Attention not run, because this processor has not what it needs: ${missing.join(", ")}.`);

const MASKED = 0xfc00;
/** Of values of about 1. */
const LIMIT = 2e-5;

interface Shape {
  readonly headLength: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly kvType: "f32" | "f16";
}

interface Problem extends Shape {
  readonly kernel: string;
  readonly tokens: number;
  readonly cells: number;
  readonly queries: Float32Array;
  readonly keys: Float32Array | Uint16Array;
  readonly values: Float32Array | Uint16Array;
  readonly mask: Uint16Array;
}

const numbers = (count: number, seed: number, size = 1) => {
  const next = random(seed);
  return Float32Array.from({ length: count }, () => size * 1.7 * (next() + next() + next() + next() - 2));
};
const cached = (values: Float32Array, { kvType }: Shape) =>
  kvType === "f32" ? values : Uint16Array.from(values, (value) => toHalf(value));

/** Token i attends to the first `before + i + 1` cells. */
function causal(tokens: number, cells: number, before: number): Uint16Array {
  const mask = new Uint16Array(tokens * cells).fill(MASKED);
  for (let token = 0; token < tokens; token++) mask.fill(0, token * cells, token * cells + before + token + 1);
  return mask;
}

function problem(kernel: string, shape: Shape, tokens: number, cells: number, mask: Uint16Array, size = 1): Problem {
  const width = shape.keyValueHeads * shape.headLength;
  return {
    kernel,
    ...shape,
    tokens,
    cells,
    queries: numbers(tokens * shape.heads * shape.headLength, 1, size),
    keys: cached(numbers(cells * width, 2), shape),
    values: cached(numbers(cells * width, 3), shape),
    mask,
  };
}

const attend = ({ queries, keys, values, mask, ...options }: Problem, parts = 1) =>
  addon.prefillAttention({ ...options, parts }, queries, keys, values, mask);

const decode = (values: Float32Array | Uint16Array, at: number) =>
  values instanceof Uint16Array ? fromHalf(values[at] as number) : (values[at] as number);

/** The largest difference to softmax(q · k / sqrt(n)) · v in float64. */
function largestError(output: Float32Array, one: Problem): number {
  const { headLength, heads, keyValueHeads, tokens, cells, queries, keys, values, mask } = one;
  let largest = 0;
  for (let token = 0; token < tokens; token++)
    for (let head = 0; head < heads; head++) {
      const start = (token * heads + head) * headLength;
      const keyHead = Math.floor(head / (heads / keyValueHeads));
      const attended = [...Array(cells).keys()].filter((cell) => mask[token * cells + cell] === 0);
      const at = (cell: number) => (cell * keyValueHeads + keyHead) * headLength;
      const scores = attended.map((cell) => {
        let sum = 0;
        for (let i = 0; i < headLength; i++) sum += (queries[start + i] as number) * decode(keys, at(cell) + i);
        return sum / Math.sqrt(headLength);
      });
      const most = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - most));
      const total = weights.reduce((a, b) => a + b, 0);
      for (let i = 0; i < headLength; i++) {
        const expected = attended.reduce((sum, cell, j) => {
          return sum + ((weights[j] as number) / total) * decode(values, at(cell) + i);
        }, 0);
        const error = Math.abs((output[start + i] as number) - (attended.length === 0 ? 0 : expected));
        if (!(error <= largest)) largest = error;
      }
    }
  return largest;
}

const SHAPES: readonly Shape[] = [
  { headLength: 32, heads: 1, keyValueHeads: 1, kvType: "f32" },
  { headLength: 64, heads: 8, keyValueHeads: 1, kvType: "f16" },
  { headLength: 96, heads: 12, keyValueHeads: 1, kvType: "f32" },
  { headLength: 128, heads: 7, keyValueHeads: 7, kvType: "f16" },
  { headLength: 160, heads: 6, keyValueHeads: 2, kvType: "f32" },
  { headLength: 256, heads: 4, keyValueHeads: 2, kvType: "f16" },
];

describe.runIf(kernels.length > 0).each(kernels)("%s", (kernel) => {
  it.each(SHAPES)("$heads/$keyValueHeads heads of $headLength, $kvType", async (shape) => {
    const width = shape.heads * shape.headLength;
    for (const [tokens, before, cells] of [
      [1, 0, 256],
      [1, 300, 512],
      [19, 0, 256],
      [37, 90, 256],
    ] as const) {
      const one = problem(kernel, shape, tokens, cells, causal(tokens, cells, before));
      const together = await attend(one);
      expect(largestError(together, one)).toBeLessThan(LIMIT);
      expect(await attend(one, 7)).toEqual(together);
      for (const token of [0, tokens >> 1, tokens - 1]) {
        const alone = {
          ...one,
          tokens: 1,
          queries: one.queries.subarray(token * width, (token + 1) * width),
          mask: one.mask.subarray(token * cells, (token + 1) * cells),
        };
        expect(await attend(alone)).toEqual(together.subarray(token * width, (token + 1) * width));
      }
    }
  });

  const shape: Shape = { headLength: 64, heads: 8, keyValueHeads: 2, kvType: "f16" };

  it("does not see cells behind the last one, nor what is masked", async () => {
    const [tokens, before] = [13, 70];
    const one = problem(kernel, shape, tokens, 256, causal(tokens, 256, before));
    const output = await attend(one);
    const width = shape.keyValueHeads * shape.headLength;
    const longer = problem(kernel, shape, tokens, 768, causal(tokens, 768, before));
    longer.keys.set(one.keys);
    longer.values.set(one.values);
    expect(await attend(longer)).toEqual(output);
    const other = { ...one, keys: one.keys.slice(), values: one.values.slice() };
    for (const values of [other.keys, other.values]) values.fill(toHalf(-1234), (before + tokens) * width);
    expect(await attend(other)).toEqual(output);
  });

  it("takes masks with holes, as of batches of several sequences; nothing attended is zero", async () => {
    const [tokens, cells] = [24, 512];
    const next = random(9);
    const mask = new Uint16Array(tokens * cells).map(() => (next() < 0.3 ? 0 : MASKED));
    mask.fill(MASKED, 5 * cells, 6 * cells);
    mask.fill(MASKED, 7 * cells, 8 * cells).fill(0, 7 * cells + 511, 7 * cells + 512);
    const one = problem(kernel, shape, tokens, cells, mask);
    const output = await attend(one);
    expect(largestError(output, one)).toBeLessThan(LIMIT);
    const width = shape.heads * shape.headLength;
    expect([...output.subarray(5 * width, 6 * width)].every((value) => Object.is(value, 0))).toBe(true);
  });

  it("takes scores of any size", async () => {
    for (const size of [1e-20, 30, 1000]) {
      const one = problem(kernel, shape, 9, 256, causal(9, 256, 60), size);
      expect(largestError(await attend(one), one)).toBeLessThan(size > 100 ? 2e-3 : 2e-4);
    }
  });

  it("keeps what is not a number, and only there", async () => {
    const one = problem(kernel, shape, 9, 256, causal(9, 256, 60));
    one.queries[4 * shape.heads * shape.headLength + 3 * shape.headLength + 7] = Number.NaN;
    const output = await attend(one);
    const isWrong = [...Array(9 * shape.heads).keys()].filter((row) =>
      output.subarray(row * shape.headLength, (row + 1) * shape.headLength).some(Number.isNaN),
    );
    expect(isWrong).toEqual([4 * shape.heads + 3]);
  });
});
