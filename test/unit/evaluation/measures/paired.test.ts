import { describe, expect, it } from "vitest";
import { coinTest, normalTest } from "../../../../src/evaluation/measures/distributions.ts";
import { measurePaired } from "../../../../src/evaluation/measures/paired.ts";
import { scoredCase } from "./support.ts";

/** Cases of which the two models get `both`, only the first `first`, only the second `second` right. */
function pairsOf(both: number, first: number, second: number, more: (i: number) => object = () => ({})) {
  const rights = [
    ...Array.from({ length: both }, () => [1, 1]),
    ...Array.from({ length: first }, () => [1, 0]),
    ...Array.from({ length: second }, () => [0, 1]),
  ];
  return [0, 1].map((model) =>
    rights.map((right, i) => scoredCase({ scores: [right[model] as number, 0.5], row: i + 1, ...more(i) })),
  ) as [ReturnType<typeof scoredCase>[], ReturnType<typeof scoredCase>[]];
}

describe("the difference of two accuracies", () => {
  it("has McNemar's exact p, as scipy's binomtest gives it", () => {
    const { difference, interval, p, test } = measurePaired(...pairsOf(80, 5, 15)) ?? {};
    expect(difference).toBeCloseTo(0.1, 12);
    expect(test).toBe("exact");
    expect(p).toBeCloseTo(0.04138946533203125, 12);
    expect(interval?.low).toBeLessThan(0.1);
    expect(interval?.high).toBeGreaterThan(0.1);
  });

  it("is nothing between a model and itself", () => {
    expect(measurePaired(...pairsOf(30, 0, 0))).toMatchObject({ difference: 0, p: 1 });
    expect(measurePaired([], [])).toBeUndefined();
  });

  it("counts prompts: ten copies of the same evidence are no more evidence", () => {
    const once = measurePaired(
      ...pairsOf(0, 5, 15, (i) => ({
        prompt: `p${i}`,
        comparisons: [
          { better: 0, worse: 1 },
          { better: 0, worse: 1 },
        ],
      })),
    );
    const copies = pairsOf(0, 50, 150, (i) => ({ prompt: `p${Math.floor(i / 10)}` }));
    const many = measurePaired(...copies);
    expect(once?.test).toBe("clustered");
    expect(many?.p).toBeCloseTo(once?.p ?? 0, 9);
    // The normal deviate is 10 / sqrt(20).
    expect(many?.p).toBeCloseTo(0.025347318677468252, 7);
  });
});

it("tails are scipy's", () => {
  expect(coinTest(0, 10)).toBeCloseTo(2 / 1024, 15);
  expect(coinTest(5, 10)).toBe(1);
  expect(coinTest(4900, 10_000) / 0.04659).toBeCloseTo(1, 2);
  expect(coinTest(0, 5000)).toBe(0);
  expect(normalTest(1.959963984540054)).toBeCloseTo(0.05, 8);
  expect(normalTest(-6) / 1.973175290075e-9).toBeCloseTo(1, 5);
  expect(normalTest(0)).toBeCloseTo(1, 6);
});
