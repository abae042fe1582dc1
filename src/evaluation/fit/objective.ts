/**
 * The objective of a fit: the mean K-wise loss over cases of the scores X (w_old + v), plus λ/2 · |v|². Strictly convex in v,
 * the change of the head, for λ above 0.
 */
import type { RewardHead } from "../../reward-head.ts";
import { rankingLoss, rankingLossGradient } from "../measures/plackett-luce.ts";
import { FeatureProducts } from "./feature-products.ts";
import type { FeatureTable } from "./feature-table.ts";
import type { FitCase } from "./fit-data.ts";
import type { Evaluate } from "./lbfgs.ts";
import type { RowList } from "./product-kernels.ts";
import type { TimeSlice } from "./time-slice.ts";

/** Features, with the scores of the old head. */
export interface FitProblem {
  readonly features: FeatureTable;
  readonly products: FeatureProducts;
  /** Old score of each row, in float64, without the bias. */
  readonly oldScores: Float64Array;
  readonly slice: TimeSlice;
}

/**
 * Leaves out the old head's bias: the loss depends only on score differences. The caller closes `products`.
 *
 * @param threads default: one per core
 */
export async function fitProblem(
  features: FeatureTable,
  { weight }: RewardHead,
  slice: TimeSlice,
  threads?: number,
): Promise<FitProblem> {
  const products = await FeatureProducts.open(features, { slice, threads });
  try {
    const all = products.list(Array.from({ length: features.rows }, (_, row) => row));
    return { features, products, oldScores: (await products.scores(all, weight)).slice(), slice };
  } catch (error) {
    products.close();
    throw error;
  }
}

/** The objective over some cases. */
export function objective(problem: FitProblem, cases: readonly FitCase[], ridge: number): Evaluate {
  const { products, slice, oldScores } = problem;
  const list = listOf(problem, cases);
  const slopes = new Float64Array(oldScores.length);
  return async (change, gradient) => {
    const scoreOf = await changedScores(problem, list, change);
    slopes.fill(0);
    let sum = 0;
    for (const { rows, grades } of cases) {
      const scores = rows.map(scoreOf);
      const ofCase = new Float64Array(rows.length);
      sum += rankingLossGradient(scores, grades, ofCase);
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i] as number;
        slopes[row] = (slopes[row] as number) + (ofCase[i] as number) / cases.length;
      }
      if (slice.isOver) await slice.yieldToEventLoop();
    }
    await products.gradient(list, slopes, gradient);
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
  const scoreOf = await changedScores(problem, listOf(problem, cases), change);
  let sum = 0;
  for (const { rows, grades } of cases) {
    sum += rankingLoss(rows.map(scoreOf), grades);
    if (slice.isOver) await slice.yieldToEventLoop();
  }
  return sum / cases.length;
}

/** The score of a row by the changed head, for each row in the list; valid until the next product. */
export async function changedScores(
  { products, oldScores }: FitProblem,
  list: RowList,
  change: Float64Array,
): Promise<(row: number) => number> {
  const moves = await products.scores(list, change);
  return (row) => (oldScores[row] as number) + (moves[row] as number);
}

export function listOf({ products }: FitProblem, cases: readonly FitCase[]): RowList {
  return products.list(rowsOf(cases));
}

function* rowsOf(cases: readonly FitCase[]): Generator<number> {
  for (const { rows } of cases) yield* rows;
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
