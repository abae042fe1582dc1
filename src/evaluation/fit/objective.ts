/**
 * The objective of a fit: the mean K-wise loss over cases of the scores X (w_old + v), plus λ/2 · |v|². Strictly convex in v,
 * the change of the head, for λ above 0.
 */
import type { RewardHead } from "../../reward-head.ts";
import { rankingLoss, rankingLossGradient } from "../measures/plackett-luce.ts";
import { FeatureProducts } from "./feature-products.ts";
import type { FeatureTable } from "./feature-table.ts";
import type { FitCase } from "./fit-data.ts";
import { addTo, type LineFrom, type Point, product } from "./lbfgs.ts";
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

/** A change of the head, and what it makes of the cases. */
export interface HeadPoint extends Point {
  /** Of each row of the cases, at its index. */
  readonly scores: Float64Array;
  /** Mean K-wise loss, without the penalty. */
  readonly loss: number;
  readonly lossGradient: Float64Array;
}

/** The objective over some cases: its graph at a change of the head, and along lines. */
export interface Objective {
  pointAt(x: Float64Array): Promise<HeadPoint>;
  readonly lineFrom: LineFrom<HeadPoint>;
}

/**
 * Scores are linear in the head, so all trials on a line take one product with the features together, and the point at its end
 * another one.
 */
export function objective(problem: FitProblem, cases: readonly FitCase[], ridge: number): Objective {
  const { products, oldScores } = problem;
  const list = listOf(problem, cases);

  const reach = async (x: Float64Array, scores: Float64Array, { loss, slopes }: MeanLoss): Promise<HeadPoint> => {
    const lossGradient = new Float64Array(x.length);
    await products.gradient(list, slopes, lossGradient);
    return underRidge({ x, scores, loss, lossGradient }, ridge);
  };
  return {
    pointAt: async (x) => {
      const moves = await products.scores(list, x);
      const scores = oldScores.map((score, row) => score + (moves[row] as number));
      return reach(x, scores, await meanLossOf(problem, cases, scores));
    },
    lineFrom: async ({ x, scores }, direction) => {
      const moves = (await products.scores(list, direction)).slice();
      const [squares, mixed, ofDirection] = [product(x, x), product(x, direction), product(direction, direction)];
      return async (step) => {
        const there = scores.map((score, row) => score + step * (moves[row] as number));
        const mean = await meanLossOf(problem, cases, there);
        return {
          step,
          value: mean.loss + (ridge / 2) * (squares + step * (2 * mixed + step * ofDirection)),
          slope: product(mean.slopes, moves) + ridge * (mixed + step * ofDirection),
          point: () => {
            const next = x.slice();
            addTo(next, step, direction);
            return reach(next, there, mean);
          },
        };
      };
    },
  };
}

/** The graph of the objective with a ridge at a point. */
export function underRidge(
  { x, scores, loss, lossGradient }: Omit<HeadPoint, "value" | "gradient">,
  ridge: number,
): HeadPoint {
  const gradient = lossGradient.slice();
  addTo(gradient, ridge, x);
  return { x, scores, loss, lossGradient, value: loss + (ridge / 2) * product(x, x), gradient };
}

interface MeanLoss {
  readonly loss: number;
  /** Its derivative by the score of each row, at its index. */
  readonly slopes: Float64Array;
}

async function meanLossOf(
  { slice }: FitProblem,
  cases: readonly FitCase[],
  scoreOfRow: Float64Array,
): Promise<MeanLoss> {
  const slopes = new Float64Array(scoreOfRow.length);
  let sum = 0;
  for (const { rows, grades } of cases) {
    const scores = rows.map((row) => scoreOfRow[row] as number);
    const ofCase = new Float64Array(rows.length);
    sum += rankingLossGradient(scores, grades, ofCase);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      slopes[row] = (slopes[row] as number) + (ofCase[i] as number) / cases.length;
    }
    if (slice.isOver) await slice.yieldToEventLoop();
  }
  return { loss: sum / cases.length, slopes };
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
 * Mean squared difference between better and worse responses, by feature. For pairs, the loss's second derivatives are at most a
 * quarter of it, and the norm of its gradient at most the root of the sum.
 */
export async function squaredDifferences(
  { features, slice }: FitProblem,
  cases: readonly FitCase[],
): Promise<Float64Array> {
  const sums = new Float64Array(features.width);
  let count = 0;
  for (const { rows, comparisons } of cases) {
    for (const { better, worse } of comparisons) {
      const [a, b] = [features.row(rows[better] as number), features.row(rows[worse] as number)];
      for (let k = 0; k < a.length; k++) sums[k] = (sums[k] as number) + ((a[k] as number) - (b[k] as number)) ** 2;
      count += 1;
      if (slice.isOver) await slice.yieldToEventLoop();
    }
  }
  return sums.map((sum) => (count === 0 ? 0 : sum / count));
}

/** Mean squared distance between the features of better and worse responses. */
export function squaredDistance(squares: Float64Array): number {
  return squares.reduce((sum, square) => sum + square, 0);
}
