/** Fits a calibration to scores of prompts that the head did not see. */
import {
  calibratedLogLoss,
  fitCalibration,
  type OrderedMargins,
  ordersOf,
  type PairCalibration,
} from "../measures/pair-calibration.ts";
import { type CaseFit, type CaseFitOptions, type FitEnd, fitCases } from "./fit-cases.ts";
import type { FitCase } from "./fit-data.ts";
import { changedScores, type FitProblem, listOf } from "./objective.ts";
import type { Fold } from "./split.ts";

/** Log losses of comparisons, in nats. */
export interface CalibrationLoss {
  /** Number of comparisons. */
  readonly comparisons: number;
  /** Mean of -log sigmoid(score difference). */
  readonly raw: number;
  /** The same with the calibration. */
  readonly calibrated: number;
}

/**
 * The first of two responses is the better one with probability sigmoid((difference - offset) / temperature), where difference is
 * its score minus the second's. Scores stay raw: a calibration is only stored and shown.
 */
export interface FitCalibration extends PairCalibration {
  /** On the comparisons that it was fitted to, each scored by a head that was fitted to other prompts. */
  readonly folds: CalibrationLoss;
  /** Of the new head on the held-out prompts; absent if nothing was held out. */
  readonly heldOut?: CalibrationLoss;
}

/** Fits to folds leave so little that the calibration is the same, to about four digits, from any start. */
const FOLD_END: FitEnd = { tolerance: 1e-9, gain: 1e-9, maxIterations: 1000 };

/**
 * @param starts fits to the folds with any ridge, where the searches start; none: at the old head
 * @returns undefined if no calibration minimises the loss: see fitCalibration()
 */
export async function calibrate(
  problem: FitProblem,
  folds: readonly Fold[],
  options: Omit<CaseFitOptions, "until">,
  starts: readonly CaseFit[],
): Promise<FitCalibration | undefined> {
  const { slice } = problem;
  const judged: FitCase[] = [];
  const margins: number[] = [];
  for (const [i, fold] of folds.entries()) {
    const { x } = await fitCases(problem, fold.training, { ...options, until: FOLD_END }, starts[i]);
    const scoreOf = await changedScores(problem, listOf(problem, fold.judged), x);
    for (const one of fold.judged) {
      judged.push(one);
      for (const margin of marginsOf(one, scoreOf)) margins.push(margin);
      if (slice.isOver) await slice.yieldToEventLoop();
    }
  }
  const pairs = { margins: Float64Array.from(margins), orders: ordersOf(judged) };
  const found = fitCalibration(pairs);
  return found && { ...found, folds: lossOf(pairs, found) };
}

/** Of other cases and scores. */
export function calibrationLoss(
  calibration: FitCalibration,
  cases: readonly FitCase[],
  scores: ArrayLike<number>,
): CalibrationLoss {
  const margins = cases.flatMap((one) => marginsOf(one, (row) => scores[row] as number));
  return lossOf({ margins: Float64Array.from(margins), orders: ordersOf(cases) }, calibration);
}

function marginsOf({ rows, comparisons }: FitCase, scoreOf: (row: number) => number): number[] {
  return comparisons.map(({ better, worse }) => scoreOf(rows[better] as number) - scoreOf(rows[worse] as number));
}

function lossOf(pairs: OrderedMargins, calibration: PairCalibration): CalibrationLoss {
  return {
    comparisons: pairs.margins.length,
    raw: calibratedLogLoss(pairs, { temperature: 1, offset: 0 }),
    calibrated: calibratedLogLoss(pairs, calibration),
  };
}
