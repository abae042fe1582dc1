import { describe, expect, it } from "vitest";
import { rankingLoss, rankingLossGradient } from "../../../../src/evaluation/measures/plackett-luce.ts";
import { randomOf } from "../../../random.ts";

type Grades = readonly (number | undefined)[];

/** Relative error of a loss against the sum over all orders in float64. */
const TOLERANCE = 1e-12;

describe("the K-wise loss", () => {
  it("is Bradley-Terry's for two responses, to full precision at any margin", () => {
    for (const margin of [0, 0.3, -0.3, 5, -5, 40, -40, 300, -300, 1e4, -1e4]) {
      const expected = margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
      expect(rankingLoss([margin, 0], [1, 0])).toBeCloseToRelative(expected);
      expect(rankingLoss([0, margin], [0, 7])).toBeCloseToRelative(expected);
    }
  });

  it("is Plackett and Luce's for an order without ties, by its formula", () => {
    const scores = [0.25, -1.5, 2, 0.75];
    const grades = [3, 1, 4, 2];
    let expected = 0;
    for (const order = [2, 0, 3, 1]; order.length > 0; order.shift()) {
      expected += Math.log(order.reduce((sum, i) => sum + Math.exp(scores[i] as number), 0));
      expected -= scores[order[0] as number] as number;
    }
    expect(rankingLoss(scores, grades)).toBeCloseToRelative(expected);
  });

  it("is the sum over all orders that break the ties, for random groups", () => {
    const random = randomOf(11);
    for (let round = 0; round < 200; round++) {
      const scores = Array.from({ length: 2 + random(6) }, () => (random(2000) - 1000) / 150);
      const grades = scores.map(() => random(3));
      const probability = sumOverOrders(scores, grades);
      expect(Math.exp(-rankingLoss(scores, grades))).toBeCloseToRelative(probability);
    }
  });

  it("keeps its precision where the order is almost certain", () => {
    // Of two against one: the third is before the first, or the second, but counted twice where it is before both.
    for (const [a, b] of [
      [20, 22],
      [50, 50],
      [200, 35],
      [600, 601],
    ] as const) {
      const miss = 1 / (1 + Math.exp(a)) + 1 / (1 + Math.exp(b)) - 1 / (1 + Math.exp(a) + Math.exp(b));
      expect(rankingLoss([a, b, 0], [1, 1, 0])).toBeCloseToRelative(-Math.log1p(-miss));
    }
    // Where both are far behind the third, each of the two orders has exp(-300) exp(-400).
    expect(rankingLoss([-400, -300, 0], [1, 1, 0])).toBeCloseToRelative(700 - Math.LN2);
  });

  it("knows the probability of many equal ones before one equal one", () => {
    for (const count of [2, 7, 60, 500]) {
      const scores = new Array<number>(count + 1).fill(-3.25);
      const grades = scores.map((_, i) => (i < count ? 1 : 0));
      expect(rankingLoss(scores, grades)).toBeCloseToRelative(Math.log(count + 1));
    }
  });

  it("has the derivatives that differences show, which sum to zero", () => {
    const random = randomOf(12);
    for (let round = 0; round < 100; round++) {
      const scores = Array.from({ length: 2 + random(7) }, () => (random(2000) - 1000) / 300);
      const grades = scores.map(() => (random(4) === 0 ? undefined : random(3)));
      const { loss, gradient } = both(scores, grades);
      expect(loss).toBe(rankingLoss(scores, grades));
      scores.forEach((score, i) => {
        const step = 1e-4;
        const at = (shift: number) => rankingLoss(scores.with(i, score + shift), grades);
        const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
        expect(Math.abs((gradient[i] as number) - slope)).toBeLessThan(1e-9);
      });
      expect(Math.abs(gradient.reduce((sum, slope) => sum + slope, 0))).toBeLessThan(1e-13);
    }
  });

  it("adds to the gradient that it is given", () => {
    const gradient = Float64Array.of(10, 20);
    rankingLossGradient([0, 0], [1, 0], gradient);
    expect([...gradient]).toEqual([9.5, 20.5]);
  });

  it("leaves out what has no grade, and asks nothing of a single group", () => {
    expect(rankingLoss([1, 99, 3], [2, undefined, 1])).toBe(rankingLoss([1, 3], [2, 1]));
    expect(both([1, 99, 3], [2, undefined, 1]).gradient[1]).toBe(0);
    for (const grades of [[], [1], [1, 1], [undefined, 5], [undefined, undefined]] as Grades[]) {
      const { loss, gradient } = both(new Array(grades.length).fill(4), grades);
      expect(loss).toBe(0);
      expect(gradient.every((slope) => slope === 0)).toBe(true);
    }
  });

  it("does not depend on the order of the responses, nor on what is added to all scores", () => {
    const scores = [0.5, 1.5, -2, 3, 0];
    const grades = [1, 2, 1, 2, 0];
    const loss = rankingLoss(scores, grades);
    expect(rankingLoss(scores.toReversed(), grades.toReversed())).toBeCloseToRelative(loss);
    for (const shift of [1000, -1000]) {
      const shifted = scores.map((score) => score + shift);
      expect(rankingLoss(shifted, grades)).toBeCloseToRelative(loss);
    }
  });

  it("stays a number for scores of any size, and grows with the distance", () => {
    for (const size of [1e2, 1e3, 1e4, 1e9, 1e17, 1e38]) {
      const right = both([size, size - 1, -size, -size, 0], [2, 2, 0, 0, 1]);
      const wrong = both([-size, size - 1, -size, size, 0], [2, 2, 0, 0, 1]);
      expect(right.loss).toBeGreaterThanOrEqual(0);
      expect(right.loss).toBeLessThan(1e-30);
      expect(wrong.loss).toBeGreaterThan(size);
      expect(wrong.loss).toBeLessThan(6 * size);
      for (const slope of [...right.gradient, ...wrong.gradient]) expect(Math.abs(slope)).toBeLessThanOrEqual(5);
    }
  });

  it("ends for what is no number, too", () => {
    for (const scores of [
      [Number.NaN, 1, 0],
      [1, 2, Number.NaN],
      [Infinity, Infinity, 0],
      [-Infinity, 0, 1],
    ])
      expect(rankingLoss(scores, [1, 1, 0])).not.toBeLessThan(0);
  });

  it("is convex along random lines", () => {
    const random = randomOf(13);
    for (let round = 0; round < 100; round++) {
      const grades = Array.from({ length: 6 }, () => random(3));
      const point = () => grades.map(() => (random(2000) - 1000) / 100);
      const [a, b] = [point(), point()];
      const middle = a.map((value, i) => (value + (b[i] as number)) / 2);
      const mean = (rankingLoss(a, grades) + rankingLoss(b, grades)) / 2;
      expect(rankingLoss(middle, grades)).toBeLessThanOrEqual(mean + 1e-12);
    }
  });
});

function both(scores: readonly number[], grades: Grades): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(scores.length);
  return { loss: rankingLossGradient(scores, grades, gradient), gradient };
}

/** The probability of all orders in which no response stands before one of a higher grade. */
function sumOverOrders(scores: readonly number[], grades: readonly number[]): number {
  const weights = scores.map(Math.exp);
  const visit = (left: readonly number[]): number => {
    if (left.length === 0) return 1;
    const total = left.reduce((sum, i) => sum + (weights[i] as number), 0);
    const best = Math.max(...left.map((i) => grades[i] as number));
    return left
      .filter((i) => grades[i] === best)
      .reduce((sum, i) => sum + ((weights[i] as number) / total) * visit(left.filter((other) => other !== i)), 0);
  };
  return visit(scores.map((_, i) => i));
}

interface Relative {
  toBeCloseToRelative(expected: number): void;
}

declare module "vitest" {
  interface Matchers<T> extends Relative {}
}

expect.extend({
  toBeCloseToRelative(received: number, expected: number) {
    const error = Math.abs(received - expected) / Math.abs(expected);
    return {
      pass: received === expected || error <= TOLERANCE,
      message: () => `expected ${expected}, received ${received}: a relative error of ${error}`,
    };
  },
});
