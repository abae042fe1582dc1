/**
 * Calibration of sigmoid(margin). A reward model trained with the Bradley-Terry or Plackett-Luce loss claims that a response
 * is better than another with probability sigmoid(score difference).
 */
import { type ClusterSums, effectivePrompts, sumsOf } from "./clusters.ts";
import { binomialRange } from "./distributions.ts";
import { type Interval, intervalOfSums } from "./interval.ts";
import { softplus } from "./logistic.ts";
import { evenSample, type PairLists, whenFinite } from "./outcome.ts";
import type { PairCalibration } from "./pair-calibration.ts";

/** How well the sigmoid of a margin predicts that the better response wins. */
export interface CalibrationMeasures {
  /** By the probability of the preferred response, 0.5 to 1 in ten equal steps; without empty bins. */
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error, 0 to 1: the mean of |predicted - observed| over bins, weighted by comparisons. */
  readonly expectedError: number;
  /** Mean of -log sigmoid(margin) over comparisons, in nats, 0 or more; equal scores give log 2 = 0.693. */
  readonly logLoss?: number;
  /**
   * The divisor of margins that minimises the log loss: above 1 the model is overconfident, below 1 underconfident. Absent
   * if no divisor does: no margin is negative, or their sum is not positive.
   */
  readonly temperature?: number;
  /** With the calibration that is stored with the model's head; absent if there is none, or if the loss is not finite. */
  readonly stored?: StoredCalibrationLoss;
  /** Log loss at that temperature. */
  readonly logLossAtTemperature?: number;
}

/** What the calibration that `fit` stored with the head is worth on these comparisons. */
export interface StoredCalibrationLoss extends PairCalibration {
  /** Log loss of sigmoid((difference - offset) / temperature), in nats. */
  readonly logLoss: number;
}

/** Comparisons whose predicted probability is in one interval. */
export interface CalibrationBin {
  /** Range of probabilities, `low` to `high`. */
  readonly low: number;
  /** Upper bound of the probability, 0 to 1. */
  readonly high: number;
  /** Comparisons in the bin. */
  readonly comparisons: number;
  /** Mean probability of the preferred response. */
  readonly predicted: number;
  /** How often the preferred response is the better one, 0 to 1; equal scores count half. */
  readonly observed: number;
  /** Of `observed`, at 95 %; the unit is the prompt. */
  readonly interval?: Interval;
  /** Where `observed` would be in 95 of 100 samples of this size if the model were perfectly calibrated. */
  readonly noise?: NoiseBand;
}

/** A range of frequencies, 0 to 1. */
export interface NoiseBand {
  /** Lower bound. */
  readonly low: number;
  /** Upper bound. */
  readonly high: number;
}

const BINS = 10;
/** Newton's method takes about six steps on a convex function of one variable. */
const MAX_STEPS = 100;
/** Relative. Convergence is quadratic, so after a step this small the remaining error is below rounding. */
const STEP_TOLERANCE = 1e-7;

/** Undefined without comparisons. */
export function measureCalibration(
  pairs: Pick<PairLists, "margins" | "prompts" | "promptCount">,
  stored?: StoredCalibrationLoss,
): CalibrationMeasures | undefined {
  const { margins } = pairs;
  if (margins.length === 0) return undefined;
  const clusters = new BinClusters(pairs.promptCount);
  const [counts, predicted, observed] = [new Float64Array(BINS), new Float64Array(BINS), new Float64Array(BINS)];
  let loss = 0;
  for (let at = 0; at < margins.length; at++) {
    const margin = margins[at] as number;
    const odds = Math.exp(-Math.abs(margin));
    const probability = 1 / (1 + odds);
    loss += Math.max(0, -margin) + Math.log1p(odds);
    const bin = Math.min(BINS - 1, Math.floor((probability - 0.5) * 2 * BINS));
    counts[bin] = (counts[bin] as number) + 1;
    predicted[bin] = (predicted[bin] as number) + probability;
    const hit = margin > 0 ? 1 : margin < 0 ? 0 : 0.5;
    observed[bin] = (observed[bin] as number) + hit;
    clusters.add(bin, pairs.prompts[at] as number, hit);
  }
  const bins: CalibrationBin[] = [];
  let expectedError = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const comparisons = counts[bin] as number;
    if (comparisons === 0) continue;
    const [sum, hits] = [predicted[bin] as number, observed[bin] as number];
    const sums = sumsOf(clusters.of(bin));
    const interval = intervalOfSums(sums);
    // As many comparisons are independent, if those of a prompt come out alike (L. Kish, 1965).
    const noise = binomialRange(Math.max(1, Math.floor(effectivePrompts(sums))), sum / comparisons);
    bins.push({
      low: 0.5 + bin / (2 * BINS),
      high: 0.5 + (bin + 1) / (2 * BINS),
      comparisons,
      predicted: sum / comparisons,
      observed: hits / comparisons,
      ...(interval && { interval }),
      noise,
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
    ...(stored && { stored }),
  };
}

/** Sums of the hits by bin and prompt. */
class BinClusters {
  readonly #prompts: number;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  readonly #counts: Uint32Array;

  constructor(prompts: number) {
    this.#prompts = prompts;
    this.#sums = new Float64Array(BINS * prompts);
    this.#squares = new Float64Array(BINS * prompts);
    this.#counts = new Uint32Array(BINS * prompts);
  }

  add(bin: number, prompt: number, hit: number): void {
    const at = bin * this.#prompts + prompt;
    this.#sums[at] = (this.#sums[at] as number) + hit;
    this.#squares[at] = (this.#squares[at] as number) + hit * hit;
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  *of(bin: number): Generator<ClusterSums> {
    for (let at = bin * this.#prompts; at < (bin + 1) * this.#prompts; at++) {
      const count = this.#counts[at] as number;
      if (count > 0) yield { sum: this.#sums[at] as number, count, squares: this.#squares[at] as number };
    }
  }
}

function logLoss(margins: Float64Array, slope: number): number {
  let sum = 0;
  for (const margin of margins) sum += softplus(-slope * margin);
  return sum / margins.length;
}

/** The slope above 0 that minimises the log loss of slope × margin, which is convex in the slope; undefined if there is none. */
function bestSlope(margins: Float64Array): number | undefined {
  let [sum, size, wrong] = [0, 0, false];
  for (const margin of margins) {
    sum += margin;
    size += Math.abs(margin);
    wrong ||= margin < 0;
  }
  if (!(sum > 0) || !wrong || !Number.isFinite(size)) return undefined;
  // The derivative is negative at 0. The minimum stays between `low` and `high`; a step that leaves them becomes a bisection.
  let [low, high] = [0, Number.POSITIVE_INFINITY];
  // For many margins, the minimum of a sample is a close start and saves passes over all of them.
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
