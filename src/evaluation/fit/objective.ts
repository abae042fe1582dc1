/**
 * The objective of a fit: the mean K-wise loss over cases of the scores X (w_old + v), plus λ/2 · |v|². Strictly convex in v,
 * the change of the head, for λ above 0.
 */
import { dot, type RewardHead } from "../../reward-head.ts";
import { rankingLoss, rankingLossGradient } from "../measures/plackett-luce.ts";
import type { FeatureTable } from "./feature-table.ts";
import type { FitCase } from "./fit-data.ts";
import type { Evaluate } from "./lbfgs.ts";
import type { TimeSlice } from "./time-slice.ts";

/** Features, with the scores of the old head. */
export interface FitProblem {
  readonly features: FeatureTable;
  /** Old score of each row, in float64, without the bias. */
  readonly oldScores: Float64Array;
  readonly slice: TimeSlice;
}

/** Leaves out the old head's bias: the loss depends only on score differences. */
export async function fitProblem(
  features: FeatureTable,
  { weight }: RewardHead,
  slice: TimeSlice,
): Promise<FitProblem> {
  const oldScores = new Float64Array(features.rows);
  for (let row = 0; row < features.rows; row++) {
    oldScores[row] = dot(weight, features.row(row));
    if (slice.isOver) await slice.yieldToEventLoop();
  }
  return { features, oldScores, slice };
}

/** The objective over some cases. */
export function objective(problem: FitProblem, cases: readonly FitCase[], ridge: number): Evaluate {
  return async (change, gradient) => {
    const { features, slice } = problem;
    gradient.fill(0);
    let sum = 0;
    for (const { rows, grades } of cases) {
      const scores = scoresOf(problem, rows, change);
      const slopes = new Float64Array(rows.length);
      sum += rankingLossGradient(scores, grades, slopes);
      for (const [i, row] of rows.entries()) {
        const slope = (slopes[i] as number) / cases.length;
        if (slope === 0) continue;
        const values = features.row(row);
        for (let k = 0; k < values.length; k++) gradient[k] = (gradient[k] as number) + slope * (values[k] as number);
      }
      if (slice.isOver) await slice.yieldToEventLoop();
    }
    let squares = 0;
    for (let k = 0; k < change.length; k++) {
      squares += (change[k] as number) ** 2;
      gradient[k] = (gradient[k] as number) + ridge * (change[k] as number);
    }
    return sum / cases.length + (ridge / 2) * squares;
  };
}

/** Mean K-wise loss of some cases, without the penalty. */
export async function meanLoss(problem: FitProblem, cases: readonly FitCase[], change: Float64Array): Promise<number> {
  const { slice } = problem;
  let sum = 0;
  for (const { rows, grades } of cases) {
    sum += rankingLoss(scoresOf(problem, rows, change), grades);
    if (slice.isOver) await slice.yieldToEventLoop();
  }
  return sum / cases.length;
}

function scoresOf({ features, oldScores }: FitProblem, rows: readonly number[], change: Float64Array): number[] {
  return rows.map((row) => (oldScores[row] as number) + dot(change, features.row(row)));
}

/**
 * Mean squared distance between the features of better and worse responses. For pairs, the loss's curvature is at most a quarter
 * of it, and its gradient at most its square root.
 */
export async function squaredDistance({ features, slice }: FitProblem, cases: readonly FitCase[]): Promise<number> {
  let sum = 0;
  let count = 0;
  for (const { rows, comparisons } of cases) {
    for (const { better, worse } of comparisons) {
      const [a, b] = [features.row(rows[better] as number), features.row(rows[worse] as number)];
      for (let k = 0; k < a.length; k++) sum += ((a[k] as number) - (b[k] as number)) ** 2;
      count += 1;
      if (slice.isOver) await slice.yieldToEventLoop();
    }
  }
  return count === 0 ? 0 : sum / count;
}
