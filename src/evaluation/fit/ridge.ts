/** Chooses the ridge λ by cross-validation. */
import type { FitCase } from "./fit-data.ts";
import { type Minimum, minimize } from "./lbfgs.ts";
import { type FitProblem, meanLoss, objective } from "./objective.ts";
import { foldsOf } from "./split.ts";

/** A value of `ridge` that cross-validation tried. */
export interface RidgeTrial {
  /** λ, in nats per squared unit of a weight. */
  readonly ridge: number;
  /** Cross-validation loss in nats: mean K-wise loss of each fold's cases under the head fitted to the other folds. */
  readonly loss: number;
}

/** The usual number of folds. */
const FOLDS = 5;
/**
 * The grid: powers of ten, times a quarter of the squared distance (the loss's largest curvature). At the upper end the head
 * barely moves; at the lower end the penalty barely matters.
 */
const HIGHEST_POWER = 1;
const LOWEST_POWER = -6;
const POWER_STEP = -0.5;
/** Early stopping: the search ends after this many losses in a row that are not below the best. */
const MAX_RISING_LOSSES = 3;
/** Gradient tolerance, relative to the features' distance: far below what affects the choice. */
const TOLERANCE = 1e-4;
const MAX_ITERATIONS = 500;

/**
 * The λ with the smallest cross-validation loss; among equal losses the largest λ.
 *
 * @param groups cases by prompt; two groups or more
 */
export async function chooseRidge(
  problem: FitProblem,
  groups: readonly FitCase[][],
  squaredDistance: number,
  onTrial: (trial: RidgeTrial) => void = () => {},
): Promise<{ ridge: number; trials: RidgeTrial[] }> {
  const folds = foldsOf(groups, Math.min(FOLDS, groups.length));
  const judged = folds.reduce((sum, fold) => sum + fold.judged.length, 0);
  // Warm start: each λ starts from the result of the larger one before it.
  const changes: Float64Array[] = folds.map(() => new Float64Array(problem.features.width));
  const trials: RidgeTrial[] = [];
  let best: RidgeTrial | undefined;
  let rising = 0;
  for (let power = HIGHEST_POWER; power >= LOWEST_POWER && rising < MAX_RISING_LOSSES; power += POWER_STEP) {
    const ridge = (squaredDistance / 4) * 10 ** power;
    let sum = 0;
    for (const [i, fold] of folds.entries()) {
      const options = { ridge, squaredDistance, tolerance: TOLERANCE, maxIterations: MAX_ITERATIONS };
      const { x } = await fitCases(problem, fold.training, options, changes[i]);
      changes[i] = x;
      sum += fold.judged.length * (await meanLoss(problem, fold.judged, x));
    }
    const trial = { ridge, loss: sum / judged };
    trials.push(trial);
    onTrial(trial);
    rising = best === undefined || trial.loss < best.loss ? 0 : rising + 1;
    if (rising === 0) best = trial;
  }
  return { ridge: (best as RidgeTrial).ridge, trials };
}

export interface CaseFitOptions {
  readonly ridge: number;
  readonly squaredDistance: number;
  /** Tolerance of the gradient norm, relative to the features' distance. */
  readonly tolerance: number;
  readonly maxIterations: number;
}

/** The change of the head that minimises the objective over some cases. */
export function fitCases(
  problem: FitProblem,
  cases: readonly FitCase[],
  { ridge, squaredDistance, tolerance, maxIterations }: CaseFitOptions,
  start: Float64Array = new Float64Array(problem.features.width),
): Promise<Minimum> {
  const distance = Math.sqrt(squaredDistance);
  return minimize(objective(problem, cases, ridge), start, {
    tolerance: tolerance * distance,
    maxIterations,
    // Changes scores by about 1.
    firstLength: 1 / distance,
  });
}
