/**
 * Our attention kernels by themselves: against float64 arithmetic, and every token to the same bits alone, in company, and with
 * what it attends to in any cells.
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

const isSame = (a: Float32Array, b: Float32Array) =>
  Buffer.compare(
    new Uint8Array(a.buffer, a.byteOffset, a.byteLength),
    new Uint8Array(b.buffer, b.byteOffset, b.byteLength),
  ) === 0;

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

  it.each([
    { ...shape, keyValueHeads: 8 },
    { ...shape, heads: 12, keyValueHeads: 1, kvType: "f32" },
    { ...shape, headLength: 32, heads: 3, keyValueHeads: 3 },
    { ...shape, headLength: 96, heads: 4, keyValueHeads: 1, kvType: "f32" },
    { ...shape, headLength: 256, heads: 2, keyValueHeads: 1 },
  ] as const)(
    "gives every sequence of a batch its own bits: $heads/$keyValueHeads heads of $headLength, $kvType",
    async (of) => {
      const next = random(21);
      const upTo = (n: number) => Math.floor(next() * n);
      for (const [prefix, lengths] of [
        [70, [40, 1, 33, 7]],
        [64, [64, 65]],
        [0, [3, 130, 1, 1]],
      ] as const) {
        const tokens = lengths.reduce((sum, length) => sum + length, 0);
        // Cells in the order of the batch, with others between them that nobody attends to.
        const spread = (count: number, from: number) => {
          const cells: number[] = [];
          for (let cell = from; cells.length < count; cell += 1 + (upTo(3) === 0 ? upTo(40) : 0)) cells.push(cell);
          return cells;
        };
        const shared = spread(prefix, upTo(9));
        const own: number[][] = [];
        for (const length of lengths) own.push(spread(length, (own.at(-1)?.at(-1) ?? shared.at(-1) ?? 0) + 1));
        const cells = 256 * Math.ceil(((own.at(-1)?.at(-1) as number) + 1) / 256);
        const mask = new Uint16Array(tokens * cells).fill(MASKED);
        let token = 0;
        for (const mine of own)
          for (let i = 0; i < mine.length; i++, token++)
            for (const cell of [...shared, ...mine.slice(0, i + 1)]) mask[token * cells + cell] = 0;
        const batch = problem(kernel, of, tokens, cells, mask);
        const attended = new Set([...shared, ...own.flat()]);
        const width = of.keyValueHeads * of.headLength;
        for (const values of [batch.keys, batch.values])
          for (let cell = 0; cell < cells; cell++)
            if (!attended.has(cell))
              values.fill(values instanceof Uint16Array ? 0x7e00 : Number.NaN, cell * width, (cell + 1) * width);
        const together = await attend(batch);
        const outputs = of.heads * of.headLength;
        expect(isSame(await attend(batch, 3), together)).toBe(true);
        let first = 0;
        for (const mine of own) {
          // The same keys and values in the first cells, the sequence by itself.
          const all = [...shared, ...mine];
          const alone = problem(kernel, of, mine.length, 512, causal(mine.length, 512, prefix));
          for (const [i, cell] of all.entries()) {
            alone.keys.set(batch.keys.subarray(cell * width, (cell + 1) * width), i * width);
            alone.values.set(batch.values.subarray(cell * width, (cell + 1) * width), i * width);
          }
          const queries = batch.queries.subarray(first * outputs, (first + mine.length) * outputs);
          const output = await attend({ ...alone, queries });
          expect(isSame(output, together.subarray(first * outputs, (first + mine.length) * outputs))).toBe(true);
          first += mine.length;
        }
      }
    },
  );

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
