/** Fits a calibration to scores of prompts that the head did not see. */
import {
  calibratedLogLoss,
  fitCalibration,
  type OrderedMargins,
  ordersOf,
  type PairCalibration,
} from "../measures/pair-calibration.ts";
import type { FitCase } from "./fit-data.ts";
import { type FitProblem, rowsOf } from "./objective.ts";
import { fitCases, judgedFolds, LOOSE } from "./ridge.ts";

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
export interface FitCalibration {
  /** Divisor of score differences, above 0. */
  readonly temperature: number;
  /**
   * The lead of the first response at which both are equally likely to be the better one. 0 for data in which the order of the
   * responses says nothing: rows of chosen and rejected responses, and ranked lists.
   */
  readonly offset: number;
  /** On the comparisons that it was fitted to, each scored by a head that was fitted to other prompts. */
  readonly folds: CalibrationLoss;
  /** Of the new head on the held-out prompts; absent if nothing was held out. */
  readonly heldOut?: CalibrationLoss;
}

/** Undefined if no calibration minimises the loss: see fitCalibration(). */
export async function calibrate(
  problem: FitProblem,
  groups: readonly FitCase[][],
  squaredDistance: number,
  ridge: number,
): Promise<FitCalibration | undefined> {
  const { products, oldScores, slice } = problem;
  const judged: FitCase[] = [];
  const margins: number[] = [];
  for (const fold of judgedFolds(groups)) {
    const { x } = await fitCases(problem, fold.training, { ridge, squaredDistance, ...LOOSE });
    const moves = await products.scores(products.list(rowsOf(fold.judged)), x);
    const scoreOf = (row: number) => (oldScores[row] as number) + (moves[row] as number);
    for (const one of fold.judged) {
      judged.push(one);
      for (const { better, worse } of one.comparisons)
        margins.push(scoreOf(one.rows[better] as number) - scoreOf(one.rows[worse] as number));
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
  const orders = ordersOf(cases);
  const margins = new Float64Array(orders.length);
  let at = 0;
  for (const { rows, comparisons } of cases)
    for (const { better, worse } of comparisons)
      margins[at++] = (scores[rows[better] as number] as number) - (scores[rows[worse] as number] as number);
  return lossOf({ margins, orders }, calibration);
}

function lossOf(pairs: OrderedMargins, calibration: PairCalibration): CalibrationLoss {
  return {
    comparisons: pairs.margins.length,
    raw: calibratedLogLoss(pairs, { temperature: 1, offset: 0 }),
    calibrated: calibratedLogLoss(pairs, calibration),
  };
}
