/** Distributions of scores, and what chance would do to a calibrated model. */
import { describe, expect, it } from "vitest";
import { measureCalibration } from "../../../../src/evaluation/measures/calibration.ts";
import { binomialRange } from "../../../../src/evaluation/measures/distributions.ts";
import { listPairs } from "../../../../src/evaluation/measures/outcome.ts";
import { measureScores } from "../../../../src/evaluation/measures/score-distribution.ts";
import { normal, scoredCase, seededRandom } from "./support.ts";

describe("scores of better and worse responses", () => {
  it("counts each response once, by its part in the comparisons", () => {
    const measured = measureScores([
      scoredCase({ scores: [3, 1, 2], grades: [3, 1, 2] }),
      scoredCase({ scores: [0, 4], grades: [1, 0] }),
      scoredCase({ scores: [9, 9], grades: [undefined, undefined] }),
    ]);
    expect(measured?.better).toMatchObject({ responses: 2, mean: 1.5, median: 1.5 });
    expect(measured?.worse).toMatchObject({ responses: 3, mean: 7 / 3, median: 2 });
    const { start = 0, width = 0, better, worse } = measured ?? {};
    const sum = (counts: readonly number[] = []) => counts.reduce((a, b) => a + b, 0);
    expect([sum(better?.counts), sum(worse?.counts)]).toEqual([2, 3]);
    expect([better?.counts[Math.floor((3 - start) / width)], worse?.counts.at(-1)]).toEqual([1, 1]);
  });

  it("leaves out comparisons that allow ties: neither response has to win", () => {
    const comparisons = [
      { better: 0, worse: 1, orEqual: true },
      { better: 1, worse: 2 },
    ] as const;
    const measured = measureScores([scoredCase({ scores: [2, 2, 1], grades: [2, 1, 0], comparisons })]);
    expect([measured?.better.responses, measured?.worse.responses]).toEqual([1, 1]);
  });

  it("is absent without comparisons and for ranges without bins, and one bin wide for one score", () => {
    expect(measureScores([])).toBeUndefined();
    expect(measureScores([scoredCase({ scores: [1e308, -1e308] })])).toBeUndefined();
    expect(measureScores([scoredCase({ scores: [5, 5] })])).toMatchObject({
      start: 5,
      width: 1,
      better: { counts: [1] },
    });
    const near = measureScores([scoredCase({ scores: [1e15, 1e15 + 0.125] })]);
    expect(near === undefined || near.better.counts.length <= 100).toBe(true);
  });
});

describe("noise bands", () => {
  // scipy.stats.binom.ppf.
  it.each([
    [1, 0.5, 0, 1],
    [20, 0.55, 7 / 20, 15 / 20],
    [137, 0.93, 121 / 137, 133 / 137],
    [9999, 0.5, 4902 / 9999, 5097 / 9999],
    [3, 0.999, 1, 1],
  ])("of %i tries with chance %d", (tries, chance, low, high) => {
    expect(binomialRange(tries, chance)).toEqual({ low, high });
  });

  it("go on smoothly where the normal distribution takes over, and end at certainty", () => {
    const [exact, normalOne] = [binomialRange(10_000, 0.7), binomialRange(10_001, 0.7)];
    expect(Math.abs(exact.low - normalOne.low)).toBeLessThan(2e-4);
    expect(Math.abs(exact.high - normalOne.high)).toBeLessThan(2e-4);
    for (const tries of [1, 100, 100_000]) expect(binomialRange(tries, 1)).toEqual({ low: 1, high: 1 });
  });

  it("hold a calibrated model in about 95 of 100 bins, and not one that is too sure", () => {
    const random = seededRandom(5);
    const outside = (sureness: number) => {
      let [bins, off] = [0, 0];
      for (let run = 0; run < 60; run++) {
        const cases = Array.from({ length: 400 }, () => {
          const margin = 1.5 * normal(random);
          const right = random() < 1 / (1 + Math.exp(-margin));
          return scoredCase({ scores: [sureness * (right ? margin : -margin), 0] });
        });
        for (const { observed, noise } of measureCalibration(listPairs(cases))?.bins ?? []) {
          bins += 1;
          if (noise !== undefined && (observed < noise.low || observed > noise.high)) off += 1;
        }
      }
      return off / bins;
    };
    expect(outside(1)).toBeLessThan(0.06);
    expect(outside(1)).toBeGreaterThan(0.005);
    expect(outside(4)).toBeGreaterThan(0.3);
  });

  it("count comparisons of one prompt as fewer than there are", () => {
    const alone = Array.from({ length: 50 }, (_, i) => scoredCase({ row: i + 1, prompt: `p${i}`, scores: [1, 0] }));
    const joined = alone.map((scored, i) => ({ ...scored, prompt: `p${i % 5}` }));
    const width = (cases: typeof alone) => {
      const { low = 0, high = 0 } = measureCalibration(listPairs(cases))?.bins[0]?.noise ?? {};
      return high - low;
    };
    expect(width(joined)).toBeGreaterThan(2 * width(alone));
  });
});
