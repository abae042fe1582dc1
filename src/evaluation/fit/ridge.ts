/** The strength of the pull towards the old head, chosen by cross-validation. */
import type { FitCase } from "./fit-data.ts";
import { type Minimum, minimize } from "./lbfgs.ts";
import { type FitProblem, meanLoss, objective } from "./objective.ts";
import { foldsOf } from "./split.ts";

export interface RidgeTrial {
  readonly ridge: number;
  /** Mean K-wise loss of the cases of each fold under the head that was fitted to the other folds. */
  readonly loss: number;
}

/** Of cross-validation: the usual number. */
const FOLDS = 5;
/**
 * The grid, as powers of ten times a quarter of the squared distance, which is the loss's largest curvature: at the upper end
 * the old head hardly moves, at the lower one hardly anything holds it.
 */
const HIGHEST_POWER = 1;
const LOWEST_POWER = -6;
const POWER_STEP = -0.5;
/** Losses that rise this often in a row are taken to rise for good. */
const MAX_RISING_LOSSES = 3;
/** Of the gradient, as a part of the features' distance: far below what the choice depends on. */
const TOLERANCE = 1e-4;
const MAX_ITERATIONS = 500;

/**
 * The ridge with the smallest mean loss of cases that a head was not fitted to; of equal ones the largest.
 *
 * @param groups cases by prompt, two groups or more
 */
export async function chooseRidge(
  problem: FitProblem,
  groups: readonly FitCase[][],
  squaredDistance: number,
  onTrial: (trial: RidgeTrial) => void = () => {},
): Promise<{ ridge: number; trials: RidgeTrial[] }> {
  const folds = foldsOf(groups, Math.min(FOLDS, groups.length));
  const judged = folds.reduce((sum, fold) => sum + fold.judged.length, 0);
  // Each ridge goes on from where the stronger one before it ended.
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
  /** Of the gradient's norm, as a part of the features' distance. */
  readonly tolerance: number;
  readonly maxIterations: number;
}

/** The change of the head that minimises the objective of some cases. */
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
    // Scores move by about 1.
    firstLength: 1 / distance,
  });
}
