/** Temperature and offset: from pairs of a known calibration, where there is none, and where the order of responses counts. */
import { describe, expect, it } from "vitest";
import { measureBenchmark } from "../../../../src/evaluation/measures/measure.ts";
import {
  calibratedLogLoss,
  fitCalibration,
  type OrderedMargins,
  ordersOf,
} from "../../../../src/evaluation/measures/pair-calibration.ts";
import { randomOf } from "../../../random.ts";
import { scoredCase } from "./support.ts";

/** Pairs whose first response wins with probability sigmoid((difference - offset) / temperature). */
function drawn(count: number, temperature: number, offset: number, ordered = true): OrderedMargins {
  const random = randomOf(5);
  const [margins, orders] = [new Float64Array(count), new Int8Array(count)];
  for (let i = 0; i < count; i++) {
    const difference = (random(8001) - 4000) / 1000;
    const firstWins = random(1e6) / 1e6 < 1 / (1 + Math.exp((offset - difference) / temperature));
    margins[i] = firstWins ? difference : -difference;
    if (ordered) orders[i] = firstWins ? 1 : -1;
  }
  return { margins, orders };
}

describe("a calibration of pairs", () => {
  it.each([
    [2.5, 0.8],
    [0.4, -0.3],
  ])("is found again: temperature %d, offset %d", (temperature, offset) => {
    const pairs = drawn(40_000, temperature, offset);
    const found = fitCalibration(pairs);
    expect(Math.abs((found?.temperature as number) / temperature - 1)).toBeLessThan(0.03);
    expect(Math.abs((found?.offset as number) - offset)).toBeLessThan(0.05);
    const least = calibratedLogLoss(pairs, found as NonNullable<typeof found>);
    for (const factor of [0.99, 1.01]) {
      const { temperature: t, offset: o } = found as NonNullable<typeof found>;
      expect(calibratedLogLoss(pairs, { temperature: factor * t, offset: o })).toBeGreaterThan(least);
      expect(calibratedLogLoss(pairs, { temperature: t, offset: factor * o })).toBeGreaterThan(least);
    }
  });

  it("has the offset 0 where no order is known, and scales with the scores", () => {
    const pairs = drawn(5000, 2, 0, false);
    const found = fitCalibration(pairs);
    expect(found?.offset).toBe(0);
    const scaled = fitCalibration({ ...pairs, margins: pairs.margins.map((margin) => 1e6 * margin) });
    expect((scaled?.temperature as number) / (found?.temperature as number) / 1e6).toBeCloseTo(1, 9);
  });

  it.each<[string, number[], number[]]>([
    ["no comparison", [], []],
    ["equal scores", [0, 0], [0, 0]],
    ["only right ones", [1, 2, 0.1], [0, 0, 0]],
    ["only right ones of both orders", [1, 2, 0.1], [1, -1, 1]],
    ["more wrong than right ones", [1, -2, -1], [0, 0, 0]],
  ])("does not exist for %s", (_, margins, orders) => {
    expect(fitCalibration({ margins: Float64Array.from(margins), orders: Int8Array.from(orders) })).toBeUndefined();
  });
});

describe("the order of responses", () => {
  const pair = (source: number, better: 0 | 1) => ({ source, comparisons: [{ better, worse: 1 - better }] });

  it("counts by source, and not where the better one comes first always or nearly so", () => {
    const cases = [
      pair(0, 0),
      pair(1, 0),
      pair(0, 1),
      pair(1, 0),
      ...Array.from({ length: 19 }, () => pair(2, 0)),
      pair(2, 1),
    ];
    expect([...ordersOf(cases)]).toEqual([1, 0, -1, ...new Array(21).fill(0)]);
  });

  it("does not count in rankings of more responses", () => {
    const ranking = { source: 0, comparisons: [...pair(0, 1).comparisons, { better: 2, worse: 0 }] };
    expect([...ordersOf([ranking, pair(0, 0), pair(0, 1)])]).toEqual([0, 0, 1, -1]);
  });
});

it("the log loss of a stored calibration is reported beside the raw one", () => {
  const cases = [
    scoredCase({ scores: [3, 0], grades: [1, 0] }),
    scoredCase({ scores: [2, 0], grades: [0, 1], comparisons: [{ better: 1, worse: 0 }] }),
  ];
  const stored = { temperature: 4, offset: 1 };
  const { calibration } = measureBenchmark("pairs", cases, [], stored);
  const expected = (Math.log1p(Math.exp(-(3 - 1) / 4)) + Math.log1p(Math.exp((2 - 1) / 4))) / 2;
  expect(calibration?.stored?.logLoss).toBeCloseTo(expected, 12);
  expect(calibration?.stored).toMatchObject(stored);
  expect(measureBenchmark("pairs", cases).calibration?.stored).toBeUndefined();
});

it("a stored calibration whose log loss is not finite is not reported: JSON has no such number", () => {
  const wrong = scoredCase({ scores: [2, 0], grades: [0, 1], comparisons: [{ better: 1, worse: 0 }] });
  const { calibration } = measureBenchmark("pairs", [wrong], [], { temperature: 1e-308, offset: 0 });
  expect(calibration?.logLoss).toBeGreaterThan(2);
  expect(calibration?.stored).toBeUndefined();
});
