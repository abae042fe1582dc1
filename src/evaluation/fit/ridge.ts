/** Chooses the ridge λ by cross-validation. */
import { type CaseFit, type CaseFitOptions, type FitEnd, fitCases } from "./fit-cases.ts";
import type { FitCase } from "./fit-data.ts";
import { type FitProblem, meanLoss, squaredDistance } from "./objective.ts";
import { type Fold, foldsOf } from "./split.ts";

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
 * As many folds are judged as have this many prompts together: more of them hardly change the choice, and of 100,000 prompts one
 * fold has 20,000.
 */
const ENOUGH_JUDGED = 2500;
/**
 * The grid: whole powers of ten, times a quarter of the squared distance (the loss's largest curvature). At the upper end the
 * head barely moves; at the lower end the penalty barely matters.
 */
const HIGHEST_POWER = 1;
const LOWEST_POWER = -6;
/** Whole powers are tried first, then these steps beside the best. */
const HALF = 0.5;
/**
 * The path ends where the loss has risen by more than this many directions can cost that say nothing: a fit of k needless weights to
 * n prompts costs about k/2n nats on others (Akaike, 1974). Strong λs move the head along the largest features first. Where these
 * say nothing, the loss rises a little before it falls.
 */
const NEEDLESS = 100;
/** Of the objective: what a step of a fold's fit must gain. It leaves about 1e-4 nats on the judged prompts. */
const FOLD_GAIN = 2e-5;
const FOLD_END: FitEnd = { tolerance: 1e-9, gain: FOLD_GAIN, maxIterations: 500 };

export interface RidgeChoice {
  readonly ridge: number;
  readonly trials: readonly RidgeTrial[];
  /** One per fold, with the ridge: to start from. */
  readonly fits: readonly CaseFit[];
}

interface PathTrial extends RidgeTrial {
  readonly power: number;
}

/** A trial with its fits, which are too large to keep for every trial. */
interface FittedTrial extends PathTrial {
  readonly fits: readonly CaseFit[];
}

/**
 * The λ with the smallest cross-validation loss; among equal losses the largest λ. First goes down the grid, each λ's fits starting
 * from those of the one before, then half a power beside the best.
 *
 * @param folds one or more
 */
export async function chooseRidge(
  problem: FitProblem,
  folds: readonly Fold[],
  squares: Float64Array,
  onTrial: (trial: RidgeTrial) => void = () => {},
): Promise<RidgeChoice> {
  const bump = largestBump(folds);
  const trials: PathTrial[] = [];
  const attempt = async (power: number, starts: readonly CaseFit[] = []): Promise<FittedTrial> => {
    const ridge = (squaredDistance(squares) / 4) * 10 ** power;
    const { fits, loss } = await judge(problem, folds, { ridge, squares, until: FOLD_END }, starts);
    trials.push({ power, ridge, loss });
    onTrial({ ridge, loss });
    return { power, ridge, loss, fits };
  };
  let last = await attempt(HIGHEST_POWER);
  let best = last;
  while (last.power > LOWEST_POWER && last.loss <= best.loss + bump) {
    last = await attempt(last.power - 1, last.fits);
    if (last.loss < best.loss) best = last;
  }
  for (const power of halfPowers(best, trials)) {
    const trial = await attempt(power, best.fits);
    if (trial.loss > best.loss || (trial.loss === best.loss && trial.ridge < best.ridge)) continue;
    best = trial;
    break;
  }
  const { ridge, fits } = best;
  const tried = trials.map(({ ridge, loss }) => ({ ridge, loss }));
  return { ridge, trials: tried.sort((a, b) => b.ridge - a.ridge), fits };
}

/** Fits to each fold's training part, and the mean loss of the judged cases of all. */
async function judge(
  problem: FitProblem,
  folds: readonly Fold[],
  options: CaseFitOptions,
  starts: readonly CaseFit[],
): Promise<{ fits: CaseFit[]; loss: number }> {
  const fits: CaseFit[] = [];
  let [sum, count] = [0, 0];
  for (const [i, { training, judged }] of folds.entries()) {
    const fit = await fitCases(problem, training, options, starts[i]);
    fits.push(fit);
    sum += judged.length * (await meanLoss(problem, judged, fit.x));
    count += judged.length;
  }
  return { fits, loss: sum / count };
}

/** Folds of the usual size: all of them, or as many as judge enough prompts. */
export function judgedFolds(groups: readonly FitCase[][]): Fold[] {
  const count = Math.min(FOLDS, groups.length);
  return foldsOf(groups, count).slice(0, Math.ceil(ENOUGH_JUDGED / (groups.length / count)));
}

/** By how much the loss may rise, in nats, and fall again. */
function largestBump(folds: readonly Fold[]): number {
  const prompts = folds.map(({ training }) => new Set(training.map(({ group }) => group)).size);
  return NEEDLESS / (2 * Math.min(...prompts));
}

/**
 * The powers beside the best trial, first on the side of the better neighbour. The loss falls to one minimum there, so a better power
 * on one side means none on the other.
 */
function halfPowers({ power: best }: PathTrial, trials: readonly PathTrial[]): number[] {
  const lossAt = (power: number) => trials.find((trial) => trial.power === power)?.loss ?? Number.POSITIVE_INFINITY;
  const sides = lossAt(best - 1) < lossAt(best + 1) ? [-HALF, HALF] : [HALF, -HALF];
  return sides.map((side) => best + side).filter((power) => power <= HIGHEST_POWER && power >= LOWEST_POWER);
}
