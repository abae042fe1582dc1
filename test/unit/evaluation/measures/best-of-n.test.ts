/** Best-of-n against all subsets one by one, RM-Bench against its own code, PPE against arithmetic on the same scores. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ScoredCase } from "../../../../src/evaluation/case.ts";
import { bestOfNCurve, measureBestOfN } from "../../../../src/evaluation/measures/best-of-n.ts";
import { measureBenchmark } from "../../../../src/evaluation/measures/measure.ts";
import { scorePpe } from "../../../../src/evaluation/measures/ppe.ts";
import { scoreRmBench } from "../../../../src/evaluation/measures/rm-bench.ts";
import { normal, scoredCase, seededRandom } from "./support.ts";

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** All subsets of n of 0 to count - 1. */
function subsets(count: number, n: number, from = 0): number[][] {
  if (n === 0) return [[]];
  return Array.from({ length: count - from }, (_, i) => from + i).flatMap((first) =>
    subsets(count, n - 1, first + 1).map((rest) => [first, ...rest]),
  );
}

/** Mean grade of the items with the highest key. */
function topGrade(members: readonly number[], keys: readonly number[], grades: readonly number[]): number {
  const top = Math.max(...members.map((i) => keys[i] as number));
  return mean(members.filter((i) => keys[i] === top).map((i) => grades[i] as number));
}

describe("best-of-n", () => {
  const random = seededRandom(5);
  const cases = Array.from({ length: 9 }, (_, i) => {
    const count = 3 + (i % 5);
    // Few values, so that scores and grades are tied.
    const scores = Array.from({ length: count }, () => Math.floor(4 * random()));
    const grades = Array.from({ length: count }, () => -Math.floor(3 * random()));
    return scoredCase({ scores, grades, row: i + 1, prompt: `p${i >> 1}` });
  });

  it("is the mean over all subsets, equal scores sharing the choice", () => {
    const { points = [] } = bestOfNCurve(cases) ?? {};
    expect(points.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const { n, chosen, oracle, random: atRandom, kl, prompts } of points) {
      const large = cases.filter(({ scores }) => scores.length >= n);
      const over = (value: (members: number[], one: ScoredCase) => number) =>
        mean(large.map((one) => mean(subsets(one.scores.length, n).map((members) => value(members, one)))));
      const known = ({ grades }: ScoredCase) => grades as number[];
      expect(chosen).toBeCloseTo(
        over((members, one) => topGrade(members, one.scores, known(one))),
        12,
      );
      expect(oracle).toBeCloseTo(
        over((members, one) => topGrade(members, known(one), known(one))),
        12,
      );
      expect(atRandom).toBeCloseTo(mean(large.map((one) => mean(known(one)))), 12);
      expect(kl).toBeCloseTo(Math.log(n) - (n - 1) / n, 12);
      expect(prompts).toBe(new Set(large.map(({ prompt }) => prompt)).size);
    }
  });

  it("leaves out responses without a grade, and is absent without three graded ones or different grades", () => {
    const partial = scoredCase({ scores: [9, 1, 2, 3], grades: [undefined, 0, 1, 2], comparisons: [] });
    const { points = [] } = measureBestOfN([partial]) ?? {};
    expect(points.map(({ chosen }) => chosen)).toEqual([1, expect.closeTo(5 / 3, 12), 2]);
    expect(measureBestOfN([scoredCase({ scores: [1, 2] })])).toBeUndefined();
    expect(measureBestOfN([scoredCase({ scores: [1, 2, 3], grades: [1, 1, 1], comparisons: [] })])).toBeUndefined();
  });

  it("stays exact and small for thousands of responses", () => {
    const scores = Array.from({ length: 1000 }, (_, i) => i);
    const { points = [] } = bestOfNCurve([scoredCase({ scores, grades: scores, comparisons: [] })]) ?? {};
    expect(points.map(({ n }) => n).slice(30)).toEqual([31, 32, 64, 128, 256, 512, 1000]);
    // The expected largest of n of 0 to K - 1 is (n K - 1) / (n + 1) less what counting from 0 takes off.
    for (const { n, chosen, oracle } of points) {
      expect(chosen).toBeCloseTo((n * 1001) / (n + 1) - 1, 8);
      expect(oracle).toBe(chosen);
    }
    expect(points.at(-1)?.chosen).toBe(999);
  });

  it("has intervals over prompts that are as wide as the grades allow, never without width", () => {
    const right = Array.from({ length: 20 }, (_, i) =>
      scoredCase({ scores: [3, 2, 1], grades: [40, 20, 0], row: i, prompt: `p${i}` }),
    );
    const last = bestOfNCurve(right)?.points.at(-1);
    expect(last).toMatchObject({ chosen: 40, oracle: 40, random: 20 });
    expect(last?.interval?.high).toBe(40);
    expect(last?.interval?.low).toBeGreaterThan(30);
    expect(last?.interval?.low).toBeLessThan(37);
  });

  it.each([12, 60, 300])("has intervals that hold, for %d prompts", (prompts) => {
    const draw = seededRandom(prompts);
    const made = (count: number) =>
      Array.from({ length: count }, (_, row) => {
        const hard = normal(draw);
        const grades = Array.from({ length: 4 }, () => Math.floor(3 * draw()) + (normal(draw) > hard ? 2 : 0));
        return scoredCase({ scores: grades.map((grade) => grade + 2 * normal(draw)), grades, row, prompt: `p${row}` });
      });
    const truth = bestOfNCurve(made(40_000))?.points[2]?.chosen as number;
    const samples = prompts > 100 ? 250 : 600;
    let covered = 0;
    for (let i = 0; i < samples; i++) {
      const { low, high } = bestOfNCurve(made(prompts))?.points[2]?.interval ?? { low: 0, high: -1 };
      if (low <= truth && truth <= high) covered += 1;
    }
    expect(covered / samples).toBeGreaterThan(0.92);
    expect(covered / samples).toBeLessThan(0.985);
  });

  it("is measured for rankings of one's own, and not for pairs", () => {
    expect(
      measureBenchmark(
        "pairs",
        cases.filter(({ comparisons }) => comparisons.length > 0),
      ).bestOfN?.lowest,
    ).toBe(-2);
    expect(measureBenchmark("human", [scoredCase({ scores: [1, 0] })]).bestOfN).toBeUndefined();
  });
});

interface RmBenchGolden {
  readonly rows: { readonly domain: string; readonly score_chosen: number[]; readonly score_rejected: number[] }[];
  readonly expected: Record<string, number>;
  readonly math: Record<string, number>;
}

describe("RM-Bench", () => {
  const file = new URL("../../../fixtures/rm-bench.json", import.meta.url);
  // By scripts/oracle/make_rm_bench.py, which runs the genuine compute_accuracy().
  const { rows, expected, math } = JSON.parse(readFileSync(file, "utf8")) as RmBenchGolden;
  const cases = rows.map(({ domain, score_chosen, score_rejected }, i) =>
    scoredCase({
      scores: [...score_chosen, ...score_rejected],
      grades: [1, 1, 1, 0, 0, 0],
      subset: domain,
      row: i + 1,
      prompt: `p${i}`,
    }),
  );
  const close = (actual: number | undefined, wanted: number | undefined) =>
    expect(Math.abs((actual ?? Number.NaN) - (wanted ?? Number.NaN))).toBeLessThanOrEqual(1e-12);

  it("has the numbers of its own code on the same scores", () => {
    const score = scoreRmBench(cases);
    close(score?.score, expected["total_avg_acc"]);
    close(score?.hard, expected["hard_acc"]);
    close(score?.normal, expected["normal_acc"]);
    close(score?.easy, expected["easy_acc"]);
    for (const { domain, score: own } of score?.domains ?? []) close(own, expected[domain]);
    const own = score?.domains.find(({ domain }) => domain === "math");
    close(own?.hard, math["hard_acc"]);
    close(own?.normal, math["normal_acc"]);
    close(own?.easy, math["easy_acc"]);
    expect(score?.domains).toHaveLength(4);
    expect(score?.interval?.low).toBeLessThan(score?.score ?? 0);
    expect(rows.some((row) => row.score_chosen.some((value) => row.score_rejected.includes(value)))).toBe(true);
  });

  it("has no overall score without one of the domains, and says so", () => {
    const some = cases
      .filter(({ subset }) => subset !== "code")
      .concat(scoredCase({ ...cases[0], subset: "poetry" } as ScoredCase));
    const score = scoreRmBench(some);
    expect(score).toMatchObject({ missingDomains: ["code"], unknownDomains: ["poetry"] });
    expect(score).not.toHaveProperty("score");
    expect(score).not.toHaveProperty("hard");
  });
});

describe("PPE", () => {
  const random = seededRandom(11);
  const cases = Array.from({ length: 40 }, (_, i) => {
    const grades = Array.from({ length: 6 }, (_, k) => (k === 0 ? 1 : k === 1 ? 0 : random() < 0.5 ? 1 : 0));
    const scores = grades.map((grade) => Math.round(4 * (grade + normal(random) + i / 10)) / 4);
    const comparisons = [2, 3, 4].map((k) => (grades[k] === 1 ? { better: k, worse: 1 } : { better: 0, worse: k }));
    return scoredCase({ scores, grades, comparisons, row: i, prompt: `p${i}`, subset: i % 2 ? "math" : "gpqa" });
  });
  const score = scorePpe(cases);
  const math = score?.correctness.find(({ benchmark }) => benchmark === "math");
  const own = cases.filter(({ subset }) => subset === "math");

  it("counts the pairs that the data drew", () => {
    const wins = own.flatMap(({ scores, comparisons }) =>
      comparisons.map(({ better, worse }) => ((scores[better] as number) > (scores[worse] as number) ? 1 : 0)),
    );
    expect(math?.pairs).toBe(60);
    expect(math?.accuracy).toBeCloseTo(mean(wins), 12);
    expect(score).toMatchObject({ missing: ["mmlu_pro", "mbpp_plus", "ifeval"] });
    expect(score).not.toHaveProperty("score");
  });

  it("has the area under the ROC curve, raw, standardised and within questions", () => {
    const area = (items: { score: number; right: boolean }[]) => {
      const [good, bad] = [items.filter(({ right }) => right), items.filter(({ right }) => !right)];
      return mean(good.flatMap((a) => bad.map((b) => (a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0))));
    };
    const questions = own.map(({ scores, grades }) =>
      scores.map((value, i) => ({ score: value, right: grades[i] === 1 })),
    );
    const standard = questions.map((items) => {
      const centre = mean(items.map((item) => item.score));
      const deviation = Math.sqrt(mean(items.map((item) => (item.score - centre) ** 2)));
      return items.map(({ score: value, right }) => ({ score: (value - centre) / deviation, right }));
    });
    expect(math?.rocAuc?.pooled).toBeCloseTo(area(questions.flat()), 12);
    expect(math?.rocAuc?.standardized).toBeCloseTo(area(standard.flat()), 12);
    expect(math?.rocAuc?.withinPrompts).toBeCloseTo(mean(questions.map(area)), 12);
  });

  it("has the curve's highest point, its end and its loss against the oracle", () => {
    const curve = [1, 2, 3, 4, 5, 6].map((n) => {
      const over = (key: "scores" | "grades") =>
        mean(
          own.map((one) =>
            mean(subsets(6, n).map((members) => topGrade(members, one[key] as number[], one.grades as number[]))),
          ),
        );
      return { chosen: over("scores"), oracle: over("grades") };
    });
    expect(math?.maxScore).toBeCloseTo(Math.max(...curve.map(({ chosen }) => chosen)), 12);
    expect(math?.endScore).toBeCloseTo(curve[5]?.chosen as number, 12);
    expect(math?.loss).toBeCloseTo(mean(curve.map(({ chosen, oracle }) => oracle - chosen)), 12);
    expect(math?.squaredLoss).toBeCloseTo(mean(curve.map(({ chosen, oracle }) => (oracle - chosen) ** 2)), 12);
  });
});
