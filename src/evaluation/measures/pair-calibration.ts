/**
 * A calibration of score differences: the first of two responses is the better one with probability
 * sigmoid((difference - offset) / temperature), where difference is its score minus the second's. Temperature scaling (Guo et al.,
 * "On Calibration of Modern Neural Networks", 2017) with the intercept of J. Platt, "Probabilistic Outputs for Support Vector
 * Machines" (1999).
 */
import type { Comparison } from "../case.ts";
import { softplus } from "./logistic.ts";

/** Two numbers that make a probability of a score difference. */
export interface PairCalibration {
  /** Divisor of differences, above 0; in units of the score. */
  readonly temperature: number;
  /**
   * The lead of the first response at which both are equally likely to be the better one. 0 for data in which the order of the
   * responses says nothing: rows of chosen and rejected responses, and ranked lists.
   */
  readonly offset: number;
}

/** One entry per comparison. */
export interface OrderedMargins {
  /** Score of the better response minus that of the worse one. */
  readonly margins: Float64Array;
  /** 1: the better response comes first; -1: second; 0: their order says nothing. */
  readonly orders: Int8Array;
}

/**
 * Files of chosen and rejected responses always have the better one first, and ranked lists mostly: their order is not the one
 * that people saw. It counts in sources whose better response comes first in at least and at most these shares of the pairs.
 */
const [LEAST_FIRST, MOST_FIRST] = [0.1, 0.9];
const MAX_STEPS = 100;
const MAX_HALVINGS = 50;
/** Relative. Convergence is quadratic; where no minimum exists, steps never get this small. */
const STEP_TOLERANCE = 1e-9;
const ROUNDING = 1e-12;

/** {@link OrderedMargins.orders} of all comparisons, in the order of the cases. */
export function ordersOf(
  cases: readonly { readonly source: number; readonly comparisons: readonly Comparison[] }[],
): Int8Array {
  const counts = new Map<number, { pairs: number; first: number }>();
  let total = 0;
  for (const { source, comparisons } of cases) {
    total += comparisons.length;
    const [only] = comparisons;
    if (only === undefined || comparisons.length > 1) continue;
    const count = counts.get(source) ?? { pairs: 0, first: 0 };
    count.pairs += 1;
    if (only.better < only.worse) count.first += 1;
    counts.set(source, count);
  }
  const orders = new Int8Array(total);
  let at = 0;
  for (const { source, comparisons } of cases) {
    const [only] = comparisons;
    const { pairs, first } = counts.get(source) ?? { pairs: 0, first: 0 };
    if (only !== undefined && comparisons.length === 1 && first >= LEAST_FIRST * pairs && first <= MOST_FIRST * pairs)
      orders[at] = only.better < only.worse ? 1 : -1;
    at += comparisons.length;
  }
  return orders;
}

/** Mean of -log of the probability of what was observed, in nats. */
export function calibratedLogLoss(
  { margins, orders }: OrderedMargins,
  { temperature, offset }: PairCalibration,
): number {
  let sum = 0;
  for (let i = 0; i < margins.length; i++)
    sum += softplus(((orders[i] as number) * offset - (margins[i] as number)) / temperature);
  return sum / margins.length;
}

/**
 * The calibration with the smallest log loss. It is convex in 1 / temperature and offset / temperature, so Newton's method finds
 * the minimum. Undefined if there is none at a temperature above 0: all margins are right, or they are wrong as often as right.
 */
export function fitCalibration(pairs: OrderedMargins): PairCalibration | undefined {
  const { margins, orders } = pairs;
  const size = margins.reduce((sum, margin) => sum + Math.abs(margin), 0) / margins.length;
  if (!(size > 0) || !Number.isFinite(size)) return undefined;
  const withOffset = orders.some((order) => order !== 0);
  let [slope, shift] = [1, 0];
  let loss = lossAt(pairs, size, slope, shift);
  for (let step = 0; step < MAX_STEPS; step++) {
    const [bySlope, byShift] = newtonStep(pairs, size, slope, shift, withOffset);
    if (!Number.isFinite(bySlope) || !Number.isFinite(byShift)) return undefined;
    // Next to the minimum, losses differ only by rounding.
    const limit = loss * (1 + ROUNDING);
    let part = 1;
    let next = lossAt(pairs, size, slope - bySlope, shift - byShift);
    for (let halvings = 0; !(next <= limit) && halvings < MAX_HALVINGS; halvings++) {
      part /= 2;
      next = lossAt(pairs, size, slope - part * bySlope, shift - part * byShift);
    }
    if (!(next <= limit)) return undefined;
    [slope, shift, loss] = [slope - part * bySlope, shift - part * byShift, next];
    if (Math.hypot(bySlope, byShift) <= STEP_TOLERANCE * Math.hypot(slope, shift)) {
      const [temperature, offset] = [size / slope, (size * shift) / slope];
      return slope > 0 && Number.isFinite(temperature) && Number.isFinite(offset) ? { temperature, offset } : undefined;
    }
  }
  return undefined;
}

function lossAt({ margins, orders }: OrderedMargins, size: number, slope: number, shift: number): number {
  let sum = 0;
  for (let i = 0; i < margins.length; i++)
    sum += softplus((orders[i] as number) * shift - (slope * (margins[i] as number)) / size);
  return sum;
}

/** The step of Newton's method by slope and shift; without an offset the shift stays. */
function newtonStep(
  { margins, orders }: OrderedMargins,
  size: number,
  slope: number,
  shift: number,
  withOffset: boolean,
): [number, number] {
  let [g, h, gg, gh, hh] = [0, 0, 0, 0, 0];
  for (let i = 0; i < margins.length; i++) {
    const [x, order] = [(margins[i] as number) / size, orders[i] as number];
    const miss = 1 / (1 + Math.exp(slope * x - order * shift));
    const weight = miss * (1 - miss);
    g -= miss * x;
    h += miss * order;
    gg += weight * x * x;
    gh -= weight * x * order;
    hh += weight * order * order;
  }
  if (!withOffset) return [g / gg, 0];
  const determinant = gg * hh - gh * gh;
  return [(hh * g - gh * h) / determinant, (gg * h - gh * g) / determinant];
}
