/** Intervals of means and medians: known values, and how often they contain the truth. */
import { describe, expect, it } from "vitest";
import { clusteredMeanInterval, clusteredMedianInterval } from "../../../../src/evaluation/measures/shift-interval.ts";
import { randomOf } from "../../../random.ts";

const names = (count: number, perPrompt = 1) =>
  Array.from({ length: count }, (_, i) => `p${Math.floor(i / perPrompt)}`);

describe("the mean's interval", () => {
  it("is Student's where every prompt has one value", () => {
    // Mean 3, standard error sqrt(2.5 / 5), and Student's quantile for 4 degrees.
    const half = 2.7764451051977987 * Math.sqrt(0.5);
    const interval = clusteredMeanInterval([1, 2, 3, 4, 5], names(5));
    expect(interval?.low).toBeCloseTo(3 - half, 9);
    expect(interval?.high).toBeCloseTo(3 + half, 9);
    // Far from 0, too.
    expect(
      clusteredMeanInterval(
        [1, 2, 3, 4, 5].map((x) => x + 1e9),
        names(5),
      )?.low,
    ).toBeCloseTo(1e9 + 3 - half, 6);
  });

  it("is absent where nothing is known of the variation", () => {
    expect(clusteredMeanInterval([], [])).toBeUndefined();
    expect(clusteredMeanInterval([1, 2], ["p", "p"])).toBeUndefined();
    expect(clusteredMeanInterval([0.1, 0.1, 0.1], names(3))).toBeUndefined();
  });
});

describe("the median's interval", () => {
  it("goes from the third to the tenth of twelve values", () => {
    const values = Array.from({ length: 12 }, (_, i) => i + 1);
    expect(clusteredMedianInterval(values, names(12))).toMatchObject({ method: "clustered-median", low: 3, high: 10 });
    expect(clusteredMedianInterval(values.slice(0, 5), names(5))).toBeUndefined();
    expect(
      clusteredMedianInterval(
        values.map(() => 2),
        names(12),
      ),
    ).toBeUndefined();
  });
});

describe("95 % intervals contain the truth", () => {
  const ROUNDS = 1000;
  it.each([
    [12, 1],
    [12, 2],
    [40, 3],
    [100, 2],
  ])("of %i prompts with %i values each", (count, perPrompt) => {
    const drawn = randomOf(count * 10 + perPrompt);
    const next = () => drawn(1_000_000) / 1_000_000;
    // Sums of uniform numbers: close to normal, and symmetrical around 0.
    const normal = () => next() + next() + next() + next() - 2;
    let [means, medians] = [0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      const values: number[] = [];
      for (let prompt = 0; prompt < count; prompt++) {
        const own = normal();
        for (let i = 0; i < perPrompt; i++) values.push(own + 0.7 * normal());
      }
      const prompts = names(values.length, perPrompt);
      const [mean, median] = [clusteredMeanInterval(values, prompts), clusteredMedianInterval(values, prompts)];
      if (mean !== undefined && mean.low <= 0 && mean.high >= 0) means += 1;
      if (median !== undefined && median.low <= 0 && median.high >= 0) medians += 1;
    }
    // Three standard errors of a thousand rounds around 93 to 97 %; a median's interval goes from value to value and is a little wide.
    expect(means / ROUNDS).toBeGreaterThan(0.93);
    expect(means / ROUNDS).toBeLessThan(0.97);
    expect(medians / ROUNDS).toBeGreaterThan(0.93);
    expect(medians / ROUNDS).toBeLessThan(0.98);
  });
});
