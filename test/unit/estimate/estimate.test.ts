import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../../src/errors.ts";
import { type CountedRow, countTokens } from "../../../src/estimate/count-tokens.ts";
import { derivedRate, machines } from "../../../src/estimate/machines.ts";
import { MeasurementRows, measureRate } from "../../../src/estimate/measure-rate.ts";
import { planRun } from "../../../src/estimate/plan.ts";
import { BlockSample } from "../../../src/estimate/row-sample.ts";
import { TokenCounts } from "../../../src/estimate/token-counts.ts";
import { randomOf } from "../../random.ts";

/** An item is the list of its tokens; an empty one cannot be scored. The last 10 tokens count. */
const tokenizer = {
  async tokenizeEach(items: readonly unknown[]) {
    return (items as number[][]).map((all) => {
      if (all.length === 0) return new InvalidInputError("ERR_EMPTY_TEXT", "no tokens");
      const ids = Int32Array.from(all.slice(-10));
      return { ids, totalTokens: all.length, truncated: all.length > 10, scorePosition: ids.length - 1 };
    });
  },
} as unknown as Parameters<typeof countTokens>[1];

async function* stream(rows: readonly number[][][]): AsyncGenerator<CountedRow> {
  for (const [i, items] of rows.entries()) yield { where: `line ${i + 1}`, items };
}

const run = (length: number, start = 0) => Array.from({ length }, (_, i) => start + i);

describe("counting", () => {
  it("counts texts, tokens, what is cut off and what fails", async () => {
    async function* rows(): AsyncGenerator<CountedRow> {
      yield* stream([[run(5), run(6)], [run(12)], [[], run(3, 100)]]);
      yield { where: "line 4", items: [], error: new InvalidInputError("ERR_INVALID_JSON", "broken") };
    }
    const count = await countTokens(rows(), tokenizer);
    expect(count).toMatchObject({
      rows: 4,
      countedRows: 3,
      truncated: { rows: 1, texts: 1, tokensLost: 2 },
      unreadable: [{ code: "ERR_INVALID_JSON", rows: 1, where: "line 4", message: "broken" }],
      failures: [{ code: "ERR_EMPTY_TEXT", rows: 1, where: "line 3" }],
    });
    expect(
      planRun(count, { source: "given", tokensPerSecond: 10 }, { deadline: 1 / 3600, pricePerHour: 36 }),
    ).toMatchObject({
      rows: { total: 4, scored: 2, failed: 2 },
      texts: 4,
      // The texts of the first row share five tokens, of which the last is computed for its own score.
      tokens: { total: 5 + 6 + 10 + 3 },
      hours: count.computed / 10 / 3600,
      deadline: { hours: 1 / 3600, machines: Math.ceil(count.computed / 10) },
      cost: { total: count.computed / 1000, perMillionRows: (count.computed / 1000 / 4) * 1e6 },
    });
  });

  it("scales a sample up, with an error that covers the truth", async () => {
    const random = randomOf(3);
    const rows = Array.from({ length: 5000 }, (_, i) => [run(1 + random(9), 100 * i)]);
    const whole = planRun(await countTokens(stream(rows), tokenizer), undefined, {});
    const part = planRun(await countTokens(stream(rows), tokenizer, { sample: 640 }), undefined, {});
    expect(part.rows.total).toBe(5000);
    expect(part.sample).toMatchObject({ rows: 640, blocks: 32 });
    const error = part.sample?.relativeError?.total as number;
    expect(error).toBeGreaterThan(0);
    expect(Math.abs(part.tokens.total / whole.tokens.total - 1)).toBeLessThan(2 * error);
    expect(await countTokens(stream(rows.slice(0, 9)), tokenizer, { sample: 640 })).not.toHaveProperty("blocks");
  });
});

it("finds quantiles that texts have, and puts each text into one bin", () => {
  const counts = new TokenCounts();
  const random = randomOf(1);
  const values = Array.from({ length: 777 }, () => 5 + random(100) * random(20));
  for (const value of values) counts.add(value);
  const sorted = values.sort((a, b) => a - b);
  const found = counts.distribution();
  const at = (part: number) => sorted[Math.ceil(part * 777) - 1];
  expect(found).toMatchObject({ min: sorted[0], median: at(0.5), p90: at(0.9), p99: at(0.99), max: sorted.at(-1) });
  expect(found?.mean).toBeCloseTo(sorted.reduce((a, b) => a + b) / 777);
  for (const { from, to, texts } of found?.histogram ?? [])
    expect(texts).toBe(sorted.filter((value) => value >= from && value <= to).length);
  expect(found?.histogram.reduce((sum, { texts }) => sum + texts, 0)).toBe(777);
  expect(new TokenCounts().distribution()).toBeUndefined();
});

it("draws blocks of neighbours, none twice, from the whole stream", () => {
  const sample = new BlockSample<number>(40, 5);
  for (let i = 0; i < 10_002; i++) sample.offer(i);
  const { blocks } = sample;
  expect(blocks).toHaveLength(40);
  for (const { first, rows } of blocks) {
    expect(rows).toEqual(run(Math.min(5, 10_002 - first), first));
    expect(first % 5).toBe(0);
  }
  expect(new Set(blocks.map(({ first }) => first)).size).toBe(40);
  // Of 40 fair draws, none in the second half has a chance of 1e-12.
  expect(blocks.filter(({ first }) => first > 5000).length).toBeGreaterThan(5);
  expect(blocks.filter(({ first }) => first < 5000).length).toBeGreaterThan(5);
});

describe("machines", () => {
  const model = { fileType: "q4_k_m", parameters: 8.03e9, weightBytes: 5e9 };

  it("gives what was measured for a model of that size, and says from what it is derived", () => {
    const { tokensPerSecond, derivation } = derivedRate("m3 max", model);
    expect(tokensPerSecond).toBeCloseTo(693.32);
    expect(derivation).toContain("derived, not measured");
    expect(derivation).toContain("llama-bench");
  });

  it("is between what follows from the sizes that were measured", () => {
    const { tokensPerSecond } = derivedRate("Apple M3 Max", { ...model, parameters: 34.4e9, weightBytes: 20e9 });
    const [small, large] = [(693.32 * 8.03) / 34.4, (70.19 * 70.55) / 34.4];
    expect(tokensPerSecond).toBeGreaterThan(Math.min(small, large));
    expect(tokensPerSecond).toBeLessThan(Math.max(small, large));
  });

  it.each([
    ["M9", model, "M1, M1 Max, M2 Ultra"],
    ["RTX 3070", { ...model, weightBytes: 20e9 }, "does not fit"],
    ["RTX 4090", { ...model, fileType: "f32" }, "f32"],
    ["RTX 4090", { ...model, parameters: 3.5e6 }, "3.5 million weights"],
  ])("refuses %s", (name, size, message) => {
    expect(() => derivedRate(name, size)).toThrow(message);
  });

  it("has a source for every machine", () => {
    for (const { source, rates } of machines) {
      expect(source).not.toBe("");
      expect(rates.length).toBeGreaterThan(0);
    }
  });
});

describe("measuring", () => {
  /** Remembers what it is asked to score. */
  function fakeModel() {
    const calls: unknown[][] = [];
    async function* scoreEach(items: Iterable<unknown>) {
      calls.push([...items]);
      yield* [];
    }
    return { calls, model: { scoreEach, tokenizer } as unknown as Parameters<typeof measureRate>[0] };
  }

  const options = { share: true, signal: new AbortController().signal };

  it.each([1, 3, 20, 4000])("scores no row of %i twice", async (count) => {
    const kept = new MeasurementRows();
    for (let i = 0; i < count; i++) kept.offer({ where: "", items: [run(10, 100 * i)] });
    const { calls, model } = fakeModel();
    const rate = await measureRate(model, kept.blocks(), options);
    const [warmUp, ...slices] = calls;
    expect(warmUp).toHaveLength(1);
    const scored = slices.flat().map((ids) => (ids as number[])[0]);
    expect(new Set(scored).size).toBe(scored.length);
    expect(rate?.repetitions).toHaveLength(Math.max(1, Math.min(5, count - 1)));
    for (const { tokens, rows, texts } of rate?.repetitions ?? []) expect([tokens, texts]).toEqual([10 * rows, rows]);
    expect(rate?.slowest).toBeGreaterThan(0);
    expect(rate?.tokensPerSecond).toBeGreaterThanOrEqual(rate?.slowest as number);
    expect(rate?.tokensPerSecond).toBeLessThanOrEqual(rate?.fastest as number);
  });

  it("counts a prompt once in each slice, as the model computes it", async () => {
    const kept = new MeasurementRows();
    const prompt = run(9);
    for (let i = 0; i < 60; i++) kept.offer({ where: "", items: [[...prompt, 1000 + i]] });
    const { model } = fakeModel();
    const rate = await measureRate(model, kept.blocks(), options);
    // The text before a slice has the prompt in the cache, too.
    for (const { tokens, texts } of rate?.repetitions ?? []) expect(tokens).toBe(texts);
  });

  it("says nothing without rows that can be scored", async () => {
    const { model } = fakeModel();
    expect(await measureRate(model, [], options)).toBeUndefined();
    expect(await measureRate(model, [[{ where: "", items: [[]] }]], options)).toBeUndefined();
  });
});
