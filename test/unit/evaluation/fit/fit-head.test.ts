/** The fit against torch's solutions of the same problems, and what it does with data that is wrong or strange. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { comparisonsByGrade } from "../../../../src/evaluation/case.ts";
import { FeatureTable } from "../../../../src/evaluation/fit/feature-table.ts";
import { fitCases } from "../../../../src/evaluation/fit/fit-cases.ts";
import type { FitCase, FitData } from "../../../../src/evaluation/fit/fit-data.ts";
import { fitHead } from "../../../../src/evaluation/fit/fit-head.ts";
import {
  fitProblem,
  objective,
  squaredDifferences,
  squaredDistance,
} from "../../../../src/evaluation/fit/objective.ts";
import { holdOut } from "../../../../src/evaluation/fit/split.ts";
import { TimeSlice } from "../../../../src/evaluation/fit/time-slice.ts";
import { randomOf } from "../../../random.ts";

interface Problem {
  readonly name: string;
  readonly ridge: number;
  readonly head: readonly number[];
  readonly cases: readonly { readonly features: number[][]; readonly grades: (number | null)[] }[];
  readonly lossBefore: number;
  readonly solution: readonly number[];
  readonly objective: number;
}

const golden = new URL("../../../fixtures/fit.json", import.meta.url);
const { problems }: { problems: readonly Problem[] } = JSON.parse(readFileSync(golden, "utf8"));

/** Largest difference of a weight from torch's, relative to the largest weight; both solve to about 1e-9. */
const WEIGHT_TOLERANCE = 1e-6;
/** Of the minimum's value, relative: the square of that, but for rounding. */
const OBJECTIVE_TOLERANCE = 1e-11;

type Graded = { readonly features: readonly (readonly number[])[]; readonly grades: readonly (number | undefined)[] };

function dataOf(head: readonly number[], cases: readonly Graded[], groups?: readonly string[]): FitData {
  const features = new FeatureTable(
    cases.reduce((sum, one) => sum + one.features.length, 0),
    head.length,
  );
  let next = 0;
  const fitCasesOf = cases.map((one, i): FitCase => {
    const rows = one.features.map((values) => {
      features.row(next).set(values);
      return next++;
    });
    const comparisons = comparisonsByGrade(one.grades.map((grade) => ({ grade })));
    return { source: 0, row: i + 1, rows, grades: one.grades, comparisons, group: groups?.[i] ?? `prompt ${i}` };
  });
  return {
    head: { weight: Float32Array.from(head) },
    features,
    cases: fitCasesOf,
    failures: [],
    model: { path: "model.gguf", name: "model", sha256: "0".repeat(64) },
    tokenization: "slow",
    computed: 0,
  };
}

const problemData = ({ head, cases }: Problem) =>
  dataOf(
    head,
    cases.map(({ features, grades }) => ({ features, grades: grades.map((grade) => grade ?? undefined) })),
  );

/** Cases whose order a hidden head decides, with some noise. */
function preferences(count: number, seed: number, { width = 6, noise = 0.5 } = {}): Graded[] {
  const random = randomOf(seed);
  const normal = () => Array.from({ length: 6 }, () => random(1000) / 1000 - 0.5).reduce((a, b) => a + b) * Math.SQRT2;
  const truth = Array.from({ length: width }, (_, i) => (i % 2 === 0 ? 2 : -1));
  return Array.from({ length: count }, () => {
    const features = Array.from({ length: 2 + random(3) }, () =>
      Array.from({ length: width }, normal).map(Math.fround),
    );
    const value = (row: readonly number[]) =>
      row.reduce((sum, x, i) => sum + x * (truth[i] as number), noise * normal());
    return { features, grades: features.map(value) };
  });
}

function expectClose(actual: number | undefined, expected: number | undefined, tolerance: number): void {
  expect(Math.abs((actual as number) / (expected as number) - 1)).toBeLessThan(tolerance);
}

const zeros = (width: number) => new Array<number>(width).fill(0);

describe("the fit", () => {
  it.each(problems.map((problem) => [problem.name, problem] as const))("is torch's for %s", async (_, problem) => {
    const data = problemData(problem);
    const fitted = await fitHead(data, { ridge: problem.ridge, heldOut: 0 });
    expect(fitted.converged).toBe(true);
    expect(fitted.gradientNorm).toBeLessThanOrEqual(fitted.gradientTolerance);
    expect(Math.abs(fitted.objective / problem.objective - 1)).toBeLessThan(OBJECTIVE_TOLERANCE);
    const largest = Math.max(...problem.solution.map(Math.abs));
    const exact = await solveExactly(data, problem.ridge);
    for (const [i, weight] of problem.solution.entries()) {
      expect(Math.abs((exact[i] as number) - weight) / largest).toBeLessThan(WEIGHT_TOLERANCE);
      expect(fitted.head.weight[i]).toBe(Math.fround(exact[i] as number));
    }
    expect(Math.abs(fitted.training.before.loss / problem.lossBefore - 1)).toBeLessThan(1e-6);
    expect(fitted.heldOut).toBeUndefined();
    expect(fitted.training.after.loss).toBeLessThan(fitted.training.before.loss);
  });

  it("ends where the gradient, taken anew, is within the tolerance, and any step away costs", async () => {
    const data = problemData(problems[2] as Problem);
    const ridge = (problems[2] as Problem).ridge;
    const problem = await fitProblem(data.features, data.head, new TimeSlice());
    const solution = (await solveExactly(data, ridge)).map((weight, i) => weight - (data.head.weight[i] as number));
    const { pointAt } = objective(problem, data.cases, ridge);
    const { value: least, gradient } = await pointAt(solution);
    const distance = Math.sqrt(squaredDistance(await squaredDifferences(problem, data.cases)));
    expect(Math.hypot(...gradient)).toBeLessThanOrEqual(1e-9 * distance * 1.01);
    for (let i = 0; i < solution.length; i++)
      for (const step of [1e-3, -1e-3]) {
        const away = solution.with(i, (solution[i] as number) + step);
        expect((await pointAt(away)).value).toBeGreaterThan(least);
      }
  });

  it("gives the same bits every time", async () => {
    const data = dataOf(zeros(6), preferences(80, 1));
    const [once, again] = [await fitHead(data, { seed: 3 }), await fitHead(data, { seed: 3 })];
    expect(again).toEqual(once);
  });

  it("says so when it did not get to the end", async () => {
    const data = problemData(problems[0] as Problem);
    const problem = await fitProblem(data.features, data.head, new TimeSlice());
    const squares = await squaredDifferences(problem, data.cases);
    const options = { ridge: 0.01, squares, until: { tolerance: 1e-9, maxIterations: 2 } };
    expect(await fitCases(problem, data.cases, options)).toMatchObject({ converged: false, iterations: 2 });
  });

  it("holds features of any size: scaled data has the scaled solution", async () => {
    const graded = preferences(60, 5);
    const small = await fitHead(dataOf(zeros(6), graded), { ridge: 0.01, heldOut: 0 });
    const scale = 4096;
    const large = graded.map(({ features, grades }) => ({
      features: features.map((row) => row.map((value) => value * scale)),
      grades,
    }));
    const fitted = await fitHead(dataOf(zeros(6), large), { ridge: 0.01 * scale * scale, heldOut: 0 });
    expect(fitted.converged).toBe(true);
    for (const [i, weight] of small.head.weight.entries())
      expect(Math.abs((fitted.head.weight[i] as number) * scale - weight)).toBeLessThan(1e-5);
  });

  it("converges where one feature outweighs all others, as in language models", async () => {
    const graded = preferences(120, 9, { width: 20 }).map(({ features, grades }) => ({
      features: features.map((row) => row.map((value, i) => (i === 7 ? 300 + 40 * value : value))),
      grades,
    }));
    const fitted = await fitHead(dataOf(zeros(20), graded), { heldOut: 0 });
    expect(fitted.converged).toBe(true);
    expect(fitted.training.after.accuracy).toBeGreaterThan(0.9);
  });

  it("does not move the head under a ridge that outweighs everything", async () => {
    const head = [1, -2, 3, 0.5, 0.25, 1];
    const fitted = await fitHead(dataOf(head, preferences(40, 2)), { ridge: 1e12 });
    expect([...fitted.head.weight]).toEqual(head);
    expect(fitted.change).toBe(0);
    expect(fitted.heldOut?.after).toEqual(fitted.heldOut?.before);
  });
});

describe("the choice of the ridge", () => {
  it("takes one of the grid whose held-out loss is the smallest, and the fit is better for it", async () => {
    const data = dataOf(zeros(6), preferences(200, 4));
    const seen: number[] = [];
    const fitted = await fitHead(data, { heldOut: 0.25, onTrial: ({ ridge }) => seen.push(ridge) });
    expect(fitted.trials.map(({ ridge }) => ridge)).toEqual(seen.toSorted((a, b) => b - a));
    const best = fitted.trials.reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(fitted.ridge).toBe(best.ridge);
    expect(fitted.heldOut?.before.accuracy).toBe(0);
    expect(fitted.heldOut?.after.accuracy).toBeGreaterThan(0.85);
    expect(fitted.heldOut?.after.loss).toBeLessThan(fitted.heldOut?.before.loss as number);
  });

  it("keeps a good head where preferences are mere noise", async () => {
    const random = randomOf(8);
    const noise = preferences(60, 6, { width: 40 }).map(({ features }) => ({
      features,
      grades: features.map(() => random(1000)),
    }));
    const fitted = await fitHead(dataOf(zeros(40), noise));
    const strongest = Math.max(...fitted.trials.map(({ ridge }) => ridge));
    expect(fitted.ridge).toBeGreaterThanOrEqual(strongest / 100);
    expect(fitted.heldOut?.after.loss).toBeLessThan(1.05 * (fitted.heldOut?.before.loss as number));
  });

  it("never looks at what is held out: other answers there change nothing of the head", async () => {
    const graded = preferences(60, 7);
    const data = dataOf(zeros(6), graded);
    const first = await fitHead(data, { heldOut: 0.3, seed: 5 });
    const outside = new Set(await heldOutRows(first, data));
    expect(outside.size).toBe(18);
    const turned = data.cases.map((one) => {
      if (!outside.has(one.row)) return one;
      const grades = one.grades.map((grade) => -(grade as number));
      return { ...one, grades, comparisons: comparisonsByGrade(grades.map((grade) => ({ grade }))) };
    });
    const second = await fitHead({ ...data, cases: turned }, { heldOut: 0.3, seed: 5 });
    expect(second.head).toEqual(first.head);
    expect(second.heldOut?.after.accuracy).toBeLessThan(0.3);
  });

  /** The cases that are held out: those without which the training part stays what it is. */
  async function heldOutRows({ training }: Awaited<ReturnType<typeof fitHead>>, data: FitData): Promise<number[]> {
    const { heldOut } = await holdOut(data.cases, 0.3, 5);
    expect(training.cases + heldOut.length).toBe(data.cases.length);
    return heldOut.map(({ row }) => row);
  }
});

describe("a calibration", () => {
  it("makes the log loss of held-out pairs smaller, and is the same for a chosen ridge and for that ridge given", async () => {
    const data = dataOf(
      zeros(6),
      preferences(300, 12, { noise: 1.5 }).map(({ features, grades }) => ({
        features: features.slice(0, 2),
        grades: grades.slice(0, 2),
      })),
    );
    const chosen = await fitHead(data, { heldOut: 0.3, calibrate: true });
    const given = await fitHead(data, { heldOut: 0.3, calibrate: true, ridge: chosen.ridge });
    expectClose(given.calibration?.temperature, chosen.calibration?.temperature, 1e-4);
    expectClose(given.calibration?.folds.calibrated, chosen.calibration?.folds.calibrated, 1e-4);
    for (const [i, weight] of chosen.head.weight.entries()) expectClose(given.head.weight[i], weight, 1e-6);
    expect((await fitHead(data, { heldOut: 0.3, ridge: chosen.ridge })).calibration).toBeUndefined();
    // A ridge this strong leaves margins far too small.
    const strong = await fitHead(data, {
      heldOut: 0.3,
      calibrate: true,
      ridge: 10 * (chosen.trials[0]?.ridge as number),
    });
    const { temperature, folds, heldOut } = strong.calibration as NonNullable<typeof strong.calibration>;
    expect(temperature).toBeLessThan(0.2);
    expect(folds.comparisons).toBe(210);
    expect(folds.calibrated).toBeLessThan(folds.raw - 0.1);
    expect(heldOut?.comparisons).toBe(90);
    expect(heldOut?.calibrated).toBeLessThan((heldOut?.raw as number) - 0.1);
  });

  it("is absent where every comparison of the folds is right: no temperature is the best", async () => {
    const sure = preferences(60, 3, { noise: 0 }).map(({ features }) => ({
      features: features.slice(0, 2).map((row, i) => row.map((value, k) => (k === 0 ? 10 * i : value / 100))),
      grades: [0, 1],
    }));
    expect((await fitHead(dataOf(zeros(6), sure), { ridge: 0.1, calibrate: true })).calibration).toBeUndefined();
  });
});

describe("the fit refuses", () => {
  const one = {
    features: [
      [1, 2],
      [3, 4],
    ],
    grades: [1, 0],
  };
  it.each<[string, FitData, object, RegExp]>([
    ["no cases", dataOf([0, 0], []), {}, /no cases to fit/],
    ["one prompt without a ridge", dataOf([0, 0], [one]), {}, /there is only one: set ridge to a number/],
    [
      "one of two prompts held out",
      dataOf([0, 0], [one, one]),
      {},
      /there is only one, because one is held out: hold out nothing/,
    ],
    [
      "three held out of four",
      dataOf([0, 0], [one, one, one, one]),
      { heldOut: 0.75 },
      /only one, because 3 are held out/,
    ],
    [
      "a calibration to one prompt",
      dataOf([0, 0], [one]),
      { ridge: 1, calibrate: true },
      /there is only one: leave out the cal/,
    ],
    ["one prompt twice", dataOf([0, 0], [one, one], ["same", "same"]), {}, /at least two training prompts/],
    [
      "responses that are all the same",
      dataOf(
        [0, 0],
        [
          {
            features: [
              [1, 2],
              [1, 2],
            ],
            grades: [1, 0],
          },
        ],
      ),
      { ridge: 1 },
      /identical features/,
    ],
    ["a ridge of 0", dataOf([0, 0], [one]), { ridge: 0 }, /"auto" or a number above 0 for ridge/],
    ["a ridge that is no number", dataOf([0, 0], [one]), { ridge: "1" }, /for ridge/],
    ["to hold everything out", dataOf([0, 0], [one]), { heldOut: 1 }, /from 0 to 0.9 for heldOut/],
    ["NaN", dataOf([0, 0], [one]), { heldOut: Number.NaN }, /for heldOut/],
    ["a seed below 0", dataOf([0, 0], [one]), { seed: -1 }, /for seed/],
    ["a misspelt option", dataOf([0, 0], [one]), { ridgge: 1 }, /Did you mean "ridge"/],
  ])("%s", async (_, data, options, message) => {
    await expect(fitHead(data, options)).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
  });

  it("names the field of the data", async () => {
    await expect(fitHead(dataOf([0, 0], []), {})).rejects.toMatchObject({ field: "data.cases" });
  });

  it("to go on when it is told to stop, with the reason, and lets other work in between", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const data = dataOf(zeros(400), preferences(400, 3, { width: 400 }));
    let turns = 0;
    const ticking = setInterval(() => ++turns === 3 && stop.abort(reason), 5);
    await expect(fitHead(data, { signal: stop.signal })).rejects.toBe(reason);
    clearInterval(ticking);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it("nothing of one prompt with a ridge", async () => {
    const fitted = await fitHead(dataOf([0, 0], [one]), { ridge: 0.1 });
    expect(fitted.training).toMatchObject({ cases: 1, after: { accuracy: 1 } });
    expect(fitted.heldOut).toBeUndefined();
  });
});

async function solveExactly(data: FitData, ridge: number): Promise<Float64Array> {
  const problem = await fitProblem(data.features, data.head, new TimeSlice());
  const squares = await squaredDifferences(problem, data.cases);
  const options = { ridge, squares, until: { tolerance: 1e-9, maxIterations: 5000 } };
  const { x } = await fitCases(problem, data.cases, options);
  return x.map((change, i) => (data.head.weight[i] as number) + change);
}
