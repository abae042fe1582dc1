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
 * As many folds are judged as have this many prompts together. The mean loss over 4000 prompts tells neighbouring λs apart, and
 * of 100,000 prompts one fold has 20,000.
 */
const ENOUGH_JUDGED = 4000;
/**
 * The grid: powers of ten, times a quarter of the squared distance (the loss's largest curvature). At the upper end the head
 * barely moves; at the lower end the penalty barely matters.
 */
const HIGHEST_POWER = 1;
const LOWEST_POWER = -6;
/** First whole powers are tried, until the loss rises; then the half powers on both sides of the best. */
const POWER_STEP = 1;
const HALF_STEP = 0.5;
/** For fits to folds. The gradient tolerance is relative to the features' distance: far below what affects the choice. */
export const LOOSE = { tolerance: 1e-4, maxIterations: 500 };

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
  const folds = judgedFolds(groups);
  const judged = folds.reduce((sum, fold) => sum + fold.judged.length, 0);
  const zero = () => folds.map(() => new Float64Array(problem.features.width));
  const trials: RidgeTrial[] = [];
  /** The changes of the head for the λs that may be next to the best one, by power. */
  const changes = new Map<number, Float64Array[]>();
  const attempt = async (power: number, starts: readonly Float64Array[]): Promise<RidgeTrial> => {
    const ridge = (squaredDistance / 4) * 10 ** power;
    const found: Float64Array[] = [];
    let sum = 0;
    for (const [i, fold] of folds.entries()) {
      const options = { ridge, squaredDistance, ...LOOSE };
      const { x } = await fitCases(problem, fold.training, options, starts[i]);
      found.push(x);
      sum += fold.judged.length * (await meanLoss(problem, fold.judged, x));
    }
    changes.set(power, found);
    const trial = { ridge, loss: sum / judged };
    trials.push(trial);
    onTrial(trial);
    return trial;
  };
  let best = await attempt(HIGHEST_POWER, zero());
  let bestPower = HIGHEST_POWER;
  for (let power = HIGHEST_POWER - POWER_STEP; power >= LOWEST_POWER; power -= POWER_STEP) {
    // Warm start: each λ starts from the result of the larger one before it.
    const trial = await attempt(power, changes.get(power + POWER_STEP) as Float64Array[]);
    changes.delete(power + 2 * POWER_STEP);
    if (!(trial.loss < best.loss)) break;
    [best, bestPower] = [trial, power];
  }
  const whole = bestPower;
  for (const power of [whole + HALF_STEP, whole - HALF_STEP]) {
    if (power > HIGHEST_POWER || power < LOWEST_POWER) continue;
    const trial = await attempt(power, changes.get(power + HALF_STEP) ?? zero());
    if (trial.loss < best.loss || (trial.loss === best.loss && trial.ridge > best.ridge)) best = trial;
  }
  return { ridge: best.ridge, trials: trials.sort((a, b) => b.ridge - a.ridge) };
}

/** Folds of the usual size: all of them, or as many as judge enough prompts. */
export function judgedFolds(groups: readonly FitCase[][]): ReturnType<typeof foldsOf> {
  const count = Math.min(FOLDS, groups.length);
  return foldsOf(groups, count).slice(0, Math.ceil(ENOUGH_JUDGED / (groups.length / count)));
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
