/** Fits a change of the head to some of the cases. */
import type { FitCase } from "./fit-data.ts";
import { minimize, type Pair, type Search } from "./lbfgs.ts";
import { type FitProblem, type HeadPoint, objective, squaredDistance, underRidge } from "./objective.ts";

export interface CaseFitOptions {
  readonly ridge: number;
  /** squaredDifferences() of all training cases. */
  readonly squares: Float64Array;
  /** When the search ends. */
  readonly until: FitEnd;
}

export interface FitEnd {
  /** Gradient norm, relative to the features' distance (about the norm for random scores). */
  readonly tolerance: number;
  /** The search also ends where a step is expected to lower the objective by no more than this part of it. Default: 0. */
  readonly gain?: number;
  readonly maxIterations: number;
}

/** The change of the head that minimises the objective over some cases, and the search for it. */
export interface CaseFit extends HeadPoint, Search {
  readonly cases: readonly FitCase[];
  readonly ridge: number;
}

/** @param start where the search starts: a fit with another ridge, or to similar cases. Default: the old head */
export async function fitCases(
  problem: FitProblem,
  cases: readonly FitCase[],
  { ridge, squares, until: { tolerance, ...end } }: CaseFitOptions,
  start?: CaseFit,
): Promise<CaseFit> {
  const { pointAt, lineFrom } = objective(problem, cases, ridge);
  const first =
    start?.cases === cases ? underRidge(start, ridge) : await pointAt(start?.x ?? new Float64Array(squares.length));
  const found = await minimize(lineFrom, first, {
    ...end,
    tolerance: tolerance * Math.sqrt(squaredDistance(squares)),
    scales: squares.map((square) => 1 / (square / 4 + ridge)),
    pairs: start === undefined ? [] : pairsUnderRidge(start, ridge),
  });
  return { ...found, cases, ridge };
}

/** The penalty's curvature is the ridge, in all directions. */
function pairsUnderRidge({ pairs, ridge: old }: CaseFit, ridge: number): Pair[] {
  return pairs.map(({ step, change }) => ({
    step,
    change: change.map((coordinate, k) => coordinate + (ridge - old) * (step[k] as number)),
  }));
}
