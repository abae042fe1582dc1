/**
 * Confidence intervals of accuracies. The unit is the prompt: responses to one prompt are right or wrong together, so a prompt's
 * cases count as one draw.
 */
import {
  type ClusterSums,
  casesOfDraw,
  effectivePrompts,
  type Spread,
  type SumsOfClusters,
  spreadOf,
  sumsOf,
} from "./clusters.ts";
import { NORMAL_QUANTILE, studentQuantile } from "./distributions.ts";
import { scoreEnds } from "./score-ends.ts";

/** A confidence interval for a proportion, a mean of proportions, a difference of two, or a mean or median of score shifts. */
export interface Interval {
  /**
   * `wilson`: of prompts with one comparison each. `clustered-wilson`: Wilson's interval at the effective number of prompts, for
   * prompts with several cases or comparisons. `weighted-wilson`: the score interval of a benchmark's own score, a weighted mean of its
   * parts' accuracies. `combined`: the same of a mean of proportions with intervals of their own.
   * `paired`: of the difference of two accuracies on the same cases. `clustered-mean` and `clustered-median`: of the shifts that
   * probe() measures.
   */
  readonly method:
    | "wilson"
    | "clustered-wilson"
    | "weighted-wilson"
    | "combined"
    | "paired"
    | "clustered-mean"
    | "clustered-median";
  /** Confidence level, 0 to 1. */
  readonly level: number;
  /** Lower bound, 0 to 1; of a difference -1 to 1; of a shift in units of the score. */
  readonly low: number;
  /** Upper bound, 0 to 1; of a difference -1 to 1; of a shift in units of the score. */
  readonly high: number;
}

/** Confidence level of every interval. */
export const INTERVAL_LEVEL = 0.95;

/** E. B. Wilson's score interval (1927), without continuity correction; undefined without tries. */
export function wilsonInterval(right: number, tries: number): Interval | undefined {
  if (tries === 0) return undefined;
  return { method: "wilson", level: INTERVAL_LEVEL, ...wilsonEnds(right / tries, tries, NORMAL_QUANTILE) };
}

/**
 * Wilson's interval for the mean over all cases, as if there were so many independent ones that a proportion varies as much as
 * this mean does between prompts; with Student's quantile, because that variance is estimated (E. L. Korn and B. I. Graubard,
 * 1998; N. Dean and M. Pagano, 2015). `test/unit/evaluation/measures/coverage.test.ts` shows that it covers the true accuracy in about
 * 95 % of samples from 12 prompts on, also where a few prompts have most of the cases and where most are right; percentiles of a bootstrap
 * over prompts do not below 50.
 */
export function clusteredInterval(clusters: Iterable<ClusterSums>): Interval | undefined {
  return intervalOfSums(sumsOf(clusters));
}

/** @see clusteredInterval */
export function intervalOfSums(sums: SumsOfClusters): Interval | undefined {
  if (sums.prompts === 0) return undefined;
  const ends = wilsonEndsOf(sums.total / sums.cases, spreadOf(sums) ?? NO_SPREAD, effectivePrompts(sums));
  return { method: "clustered-wilson", level: INTERVAL_LEVEL, ...ends };
}

/** @param effective prompts, of which each counts as one try where all agree, which happens by chance */
function wilsonEndsOf(mean: number, { variance, degrees }: Spread, effective: number): Pick<Interval, "low" | "high"> {
  const varies = variance > mean * (1 - mean) * SMALLEST_VARIANCE;
  const tries = varies ? (mean * (1 - mean)) / variance : effective;
  return wilsonEnds(mean, tries, varies ? studentQuantile(degrees) : NORMAL_QUANTILE);
}

const NO_SPREAD: Spread = { variance: 0, degrees: 1 };
/** What rounding leaves of sums that cancel. */
const SMALLEST_VARIANCE = 1e-12;

function wilsonEnds(share: number, tries: number, quantile: number): Pick<Interval, "low" | "high"> {
  const square = quantile ** 2;
  const scale = 1 + square / tries;
  const centre = (share + square / (2 * tries)) / scale;
  const half = (quantile * Math.sqrt((share * (1 - share)) / tries + square / (4 * tries * tries))) / scale;
  // At a share of 0 or 1 the bound is exact; rounding could move it.
  return { low: share <= 0 ? 0 : Math.max(0, centre - half), high: share >= 1 ? 1 : Math.min(1, centre + half) };
}

/** A share and its interval. */
export interface Estimate {
  readonly share: number;
  readonly interval: Interval;
}

/** Undefined unless both are known. */
export function estimateOf(share: number | undefined, interval: Interval | undefined): Estimate | undefined {
  return share === undefined || interval === undefined ? undefined : { share, interval };
}

/** The score interval of the mean of independent estimates, each as if measured in as many tries as make its interval Wilson's. */
export function intervalOfMean(estimates: readonly Estimate[]): Interval | undefined {
  const [only] = estimates;
  if (only === undefined) return undefined;
  if (estimates.length === 1) return only.interval;
  const weight = 1 / estimates.length;
  const parts = estimates.map((one) => ({ weight, share: one.share, tries: triesOf(one) }));
  return { method: "combined", level: INTERVAL_LEVEL, ...scoreEnds(parts, NORMAL_QUANTILE) };
}

/** Wilson's interval of p with the quantile q at n tries has ends of the product p² / (1 + q²/n). */
function triesOf({ share, interval: { low, high } }: Estimate): number {
  const fromZero = share >= 0.5;
  const [p, product] = fromZero ? [share, low * high] : [1 - share, (1 - low) * (1 - high)];
  return NORMAL_QUANTILE ** 2 / Math.max(SMALLEST_VARIANCE, p ** 2 / product - 1);
}

/** Whether 0 is outside the interval of the difference of two independent estimates (R. G. Newcombe, 1998). */
export function differ(one: Estimate, other: Estimate): boolean {
  const [high, low] = one.share >= other.share ? [one, other] : [other, one];
  return high.share - low.share > Math.hypot(high.share - high.interval.low, low.interval.high - low.share);
}

/**
 * The interval of the mean difference of two values on the same cases. Half a prompt is added that speaks for each side, so it
 * never has no width (A. Agresti and Y. Min, 2005); it has as many cases as say as much as one draw.
 *
 * @param clusters sums of differences, each case's -1 to 1, with their squares
 */
export function pairedInterval(clusters: Iterable<ClusterSums>): Interval | undefined {
  const known = sumsOf(clusters);
  if (known.prompts === 0) return undefined;
  const own = casesOfDraw(known);
  const sums: SumsOfClusters = {
    ...known,
    prompts: known.prompts + 2,
    cases: known.cases + 2 * own,
    caseSquares: known.caseSquares + own,
    squares: known.squares + own ** 2,
    ratios: known.ratios + own,
    countPowers: known.countPowers.map((power, i) => power + 2 * own ** (i + 2)) as [number, number, number, number],
    fourths: [known.fourths[0] + own ** 4 / 2, known.fourths[1], known.fourths[2] + own ** 4, known.fourths[3]],
  };
  const mean = sums.total / sums.cases;
  const { variance, degrees } = spreadOf(sums) ?? NO_SPREAD;
  const half = studentQuantile(degrees) * Math.sqrt(variance);
  return { method: "paired", level: INTERVAL_LEVEL, low: Math.max(-1, mean - half), high: Math.min(1, mean + half) };
}

/**
 * A quantile of one or more sorted values, interpolated linearly between neighbours (R's type 7, numpy's default).
 *
 * @param part 0 to 1
 */
export function quantile(sorted: Float64Array, part: number): number {
  const position = (sorted.length - 1) * part;
  const before = Math.floor(position);
  const low = sorted[before] as number;
  const high = sorted[Math.min(before + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - before);
}
