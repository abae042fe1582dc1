import { expect, test } from "vitest";
import { comparisonsByGrade, type ScoredCase } from "../../../../src/evaluation/case.ts";
import { measureAgreement } from "../../../../src/evaluation/measures/agreement.ts";
import { wilsonInterval } from "../../../../src/evaluation/measures/interval.ts";

function scored(scores: readonly number[], grades: readonly (number | undefined)[] = []): ScoredCase {
  const all = scores.map((_, i) => grades[i]);
  return {
    source: 0,
    row: 1,
    comparisons: comparisonsByGrade(all.map((grade) => ({ grade }))),
    grades: all,
    scores,
    lengths: scores.map(() => 1),
    tokenCounts: scores.map(() => 1),
    truncated: scores.map(() => false),
  };
}

test("counted by hand: one case of three responses, one of two", () => {
  // In the first case the middle two change places (3 > 2 > 1 becomes 2.5 > 2.75 …), in the second nothing does.
  const first = [scored([3, 2, 1], [2, 1, 0]), scored([0, 5], [0, 1])];
  const second = [scored([2.5, 2.75, 1], [2, 1, 0]), scored([0.5, 5.5], [0, 1])];
  const agreement = measureAgreement(first, second);
  expect(agreement.cases).toBe(2);
  expect(agreement.responses).toBe(5);
  expect(agreement.order).toMatchObject({ pairs: 4, same: 3 });
  expect(agreement.order.agreement).toBeCloseTo((2 / 3 + 1) / 2, 12);
  expect(agreement.sameBest).toBe(0.5);
  // Of three pairs two are concordant: tau = 1/3; of the other case 1.
  expect(agreement.kendall).toBeCloseTo((1 / 3 + 1) / 2, 12);
  // Differences of scores: -0.5, 0.75, 0, 0.5, 0.5.
  expect(agreement.scores?.max).toBe(0.75);
  expect(agreement.scores?.median).toBe(0.5);
  expect(agreement.scores?.mean).toBeCloseTo(1.25 / 5, 12);
  // Of margins: 1 → -0.25, 2 → 1.5, 1 → 1.75, -5 → -5.
  expect(agreement.margins).toEqual({ max: 1.25, median: 0.625, mean: (-1.25 - 0.5 + 0.75 + 0) / 4 });
  expect(agreement).toMatchObject({ onlyFirstRight: 1, onlySecondRight: 0 });
});

test("a tie agrees with a tie alone", () => {
  const agreement = measureAgreement([scored([1, 1]), scored([1, 1])], [scored([2, 2]), scored([2, 3])]);
  expect(agreement.order).toMatchObject({ pairs: 2, same: 1, agreement: 0.5 });
  // Neither has an order in one of the models.
  expect(agreement.kendall).toBeUndefined();
});

test("a model agrees with itself, and nothing agrees with nothing", () => {
  const cases = [scored([1, 3, 2]), scored([0.5, -7])];
  // Two prompts that agree do not prove that all do.
  const wilsonEnds = { low: wilsonInterval(2, 2)?.low, high: 1 };
  expect(measureAgreement(cases, cases)).toMatchObject({
    order: { agreement: 1, interval: wilsonEnds },
    sameBest: 1,
    kendall: 1,
    scores: { max: 0, median: 0, mean: 0 },
  });
  const empty = measureAgreement([], []);
  expect(empty).toEqual({
    cases: 0,
    responses: 0,
    order: { pairs: 0, same: 0 },
    onlyFirstRight: 0,
    onlySecondRight: 0,
  });
});
