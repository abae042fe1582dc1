/**
 * Whether sigmoid(margin) is the probability that it looks like: a reward model trained by Bradley-Terry or Plackett-Luce
 * says that of two responses the first is better with probability sigmoid(its score less the other's).
 */
import { evenSample, whenFinite } from "./outcome.ts";

export interface CalibrationMeasures {
  /** By the probability of the response that the model prefers, 0.5 to 1 in ten equal steps; empty bins are left out. */
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error: mean over comparisons of |probability - frequency| of their bin, 0 to 0.5 or so. */
  readonly expectedError: number;
  /** Mean of -log sigmoid(margin) over comparisons, in nats: 0 or more; log 2 = 0.693 for equal scores. */
  readonly logLoss?: number;
  /**
   * By what margins must be divided for the smallest log loss: above 1, the model is too sure of itself; below 1, not sure
   * enough. Absent where no number does it: margins that are never, or not more often than not, on the right side.
   */
  readonly temperature?: number;
  /** The log loss at that temperature. */
  readonly logLossAtTemperature?: number;
}

export interface CalibrationBin {
  /** The bin's range of probabilities. */
  readonly low: number;
  readonly high: number;
  readonly comparisons: number;
  /** Mean probability that the model gives to the response that it prefers. */
  readonly predicted: number;
  /** How often that one is the better response, 0 to 1; equal scores count half. */
  readonly observed: number;
}

const BINS = 10;
/** Newton's method on a convex function of one variable takes about six. */
const MAX_STEPS = 100;
/** Relative; near the minimum each step's error is the square of the one before, so that the last one leaves nothing. */
const STEP_TOLERANCE = 1e-7;

/** Undefined without comparisons. */
export function measureCalibration(margins: Float64Array): CalibrationMeasures | undefined {
  if (margins.length === 0) return undefined;
  const [counts, predicted, observed] = [new Float64Array(BINS), new Float64Array(BINS), new Float64Array(BINS)];
  let loss = 0;
  for (const margin of margins) {
    const odds = Math.exp(-Math.abs(margin));
    const probability = 1 / (1 + odds);
    loss += Math.max(0, -margin) + Math.log1p(odds);
    const bin = Math.min(BINS - 1, Math.floor((probability - 0.5) * 2 * BINS));
    counts[bin] = (counts[bin] as number) + 1;
    predicted[bin] = (predicted[bin] as number) + probability;
    observed[bin] = (observed[bin] as number) + (margin > 0 ? 1 : margin < 0 ? 0 : 0.5);
  }
  const bins: CalibrationBin[] = [];
  let expectedError = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const comparisons = counts[bin] as number;
    if (comparisons === 0) continue;
    const [sum, hits] = [predicted[bin] as number, observed[bin] as number];
    bins.push({
      low: 0.5 + bin / (2 * BINS),
      high: 0.5 + (bin + 1) / (2 * BINS),
      comparisons,
      predicted: sum / comparisons,
      observed: hits / comparisons,
    });
    expectedError += Math.abs(sum - hits) / margins.length;
  }
  const slope = bestSlope(margins);
  return {
    bins,
    expectedError,
    ...whenFinite("logLoss", loss / margins.length),
    ...(slope !== undefined && {
      ...whenFinite("temperature", 1 / slope),
      ...whenFinite("logLossAtTemperature", logLoss(margins, slope)),
    }),
  };
}

function logLoss(margins: Float64Array, slope: number): number {
  let sum = 0;
  for (const margin of margins) sum += softplus(-slope * margin);
  return sum / margins.length;
}

/** log(1 + exp(x)) without overflow. */
function softplus(x: number): number {
  return Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Where the log loss of slope × margin, which is convex in the slope, is smallest; undefined where that is not above 0. */
function bestSlope(margins: Float64Array): number | undefined {
  let [sum, size, wrong] = [0, 0, false];
  for (const margin of margins) {
    sum += margin;
    size += Math.abs(margin);
    wrong ||= margin < 0;
  }
  if (!(sum > 0) || !wrong || !Number.isFinite(size)) return undefined;
  // The derivative is negative at 0; the minimum is kept between `low` and `high`, and halving stands in for wild steps.
  let [low, high] = [0, Number.POSITIVE_INFINITY];
  // A sample's minimum is a close start where a pass over all margins takes long.
  const sample = evenSample(margins);
  let slope = (sample.length < margins.length ? bestSlope(sample) : undefined) ?? margins.length / size;
  for (let step = 0; step < MAX_STEPS; step++) {
    const [first, second] = derivatives(margins, slope);
    if (first === 0) break;
    if (first < 0) low = slope;
    else high = slope;
    let next = slope - first / second;
    if (!(next > low && next < high)) next = Number.isFinite(high) ? (low + high) / 2 : low * 2;
    const done = Math.abs(next - slope) <= STEP_TOLERANCE * slope;
    slope = next;
    if (done) break;
  }
  return Number.isFinite(slope) && slope > 0 ? slope : undefined;
}

function derivatives(margins: Float64Array, slope: number): [number, number] {
  let [first, second] = [0, 0];
  for (const margin of margins) {
    const miss = 1 / (1 + Math.exp(slope * margin));
    first -= margin * miss;
    second += margin * margin * miss * (1 - miss);
  }
  return [first, second];
}
