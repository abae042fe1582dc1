/** The ridge that the path chooses against the one that an exhaustive search chooses: every λ of a finer grid, each fit to its end. */
import { describe, expect, it } from "vitest";
import { FeatureTable } from "../../../../src/evaluation/fit/feature-table.ts";
import { fitCases } from "../../../../src/evaluation/fit/fit-cases.ts";
import type { FitCase } from "../../../../src/evaluation/fit/fit-data.ts";
import { fitProblem, meanLoss, squaredDifferences, squaredDistance } from "../../../../src/evaluation/fit/objective.ts";
import { chooseRidge, judgedFolds } from "../../../../src/evaluation/fit/ridge.ts";
import { shuffledGroups } from "../../../../src/evaluation/fit/split.ts";
import { TimeSlice } from "../../../../src/evaluation/fit/time-slice.ts";
import { randomOf } from "../../../random.ts";

/** Of the cross-validation loss, in nats: how much worse than the best of the fine grid the chosen ridge may be. */
const CHOICE_TOLERANCE = 1e-3;
/** How far the loss that the path saw may be from that of the finished fits, in nats. */
const LOSS_TOLERANCE = 1e-3;

interface Pairs {
  readonly pairs: number;
  readonly width: number;
  readonly seed: number;
  /** Turns a row of independent normal numbers into features. */
  readonly features?: (row: Float64Array) => Float64Array;
  /** The logit of the first response's win, of the difference of the features; undefined: a coin. */
  readonly logit?: (difference: Float64Array) => number;
}

/** Pairs whose winner is drawn by the probability that the loss assumes. */
function preferencesOf({ pairs, width, seed, features = (row) => row, logit = () => 0 }: Pairs) {
  const random = randomOf(seed);
  const normal = () => Array.from({ length: 12 }, () => random(1e6) / 1e6 - 0.5).reduce((a, b) => a + b);
  const table = new FeatureTable(2 * pairs, width);
  const cases = Array.from({ length: pairs }, (_, i): FitCase => {
    for (const row of [2 * i, 2 * i + 1]) table.row(row).set(features(Float64Array.from({ length: width }, normal)));
    const [a, b] = [table.row(2 * i), table.row(2 * i + 1)];
    const wins = random(1e6) / 1e6 < 1 / (1 + Math.exp(-logit(Float64Array.from(a, (x, k) => x - (b[k] as number)))));
    const [better, worse] = wins ? [0, 1] : [1, 0];
    const grades = wins ? [1, 0] : [0, 1];
    return { source: 0, row: i, rows: [2 * i, 2 * i + 1], grades, comparisons: [{ better, worse }], group: `${i}` };
  });
  return { table, cases };
}

const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
/** Features of very different sizes: the largest say nothing. */
const outliers = (row: Float64Array) => row.map((x, k) => (k < 8 ? 60 * x : x));

const problems: Record<string, Pairs> = {
  "many pairs of few features": { pairs: 600, width: 8, seed: 1, logit: (d) => sum(d) },
  "noisy pairs": { pairs: 500, width: 60, seed: 2, logit: (d) => 0.3 * (d[0] as number) },
  "mere coins": { pairs: 300, width: 40, seed: 3 },
  "few pairs of many features": { pairs: 60, width: 300, seed: 4, logit: (d) => sum(d) / 4 },
  "pairs that a head separates": { pairs: 300, width: 10, seed: 5, logit: (d) => 1e4 * sum(d) },
  "features that are nearly the same": {
    pairs: 400,
    width: 30,
    seed: 6,
    features: (row) => row.map((x, k) => (row[0] as number) + 0.05 * x * (k % 3)),
    logit: (d) => 20 * ((d[1] as number) - (d[2] as number)),
  },
  "features of which all are the same": {
    pairs: 300,
    width: 12,
    seed: 7,
    features: (row) => row.fill(row[0] as number),
    logit: (d) => d[0] as number,
  },
  "large features that say nothing beside small ones that say all": {
    pairs: 700,
    width: 60,
    seed: 8,
    features: outliers,
    logit: (d) => sum(d.slice(8)) / 3,
  },
};

async function searchBothWays(pairs: Pairs) {
  const { table, cases } = preferencesOf(pairs);
  const problem = await fitProblem(table, { weight: new Float32Array(pairs.width) }, new TimeSlice());
  const squares = await squaredDifferences(problem, cases);
  const folds = judgedFolds(await shuffledGroups(cases, 0));
  const chosen = await chooseRidge(problem, folds, squares);
  const exactLoss = async (ridge: number) => {
    let total = 0;
    for (const { training, judged } of folds) {
      const { x } = await fitCases(problem, training, {
        ridge,
        squares,
        until: { tolerance: 1e-9, maxIterations: 5000 },
      });
      total += judged.length * (await meanLoss(problem, judged, x));
    }
    return total / cases.length;
  };
  const scale = squaredDistance(squares) / 4;
  const losses: number[] = [];
  for (let power = 1; power >= -6; power -= 0.5) losses.push(await exactLoss(scale * 10 ** power));
  return { chosen, exact: await exactLoss(chosen.ridge), least: Math.min(...losses) };
}

describe("the ridge chosen on a path", () => {
  it.each(Object.entries(problems))("is as good as the best of all: %s", async (_, pairs) => {
    const { chosen, exact, least } = await searchBothWays(pairs);
    expect(exact).toBeLessThan(least + CHOICE_TOLERANCE);
    const seen = chosen.trials.find(({ ridge }) => ridge === chosen.ridge)?.loss as number;
    expect(Math.abs(seen - exact)).toBeLessThan(LOSS_TOLERANCE);
    expect(seen).toBe(Math.min(...chosen.trials.map(({ loss }) => loss)));
  });
});
