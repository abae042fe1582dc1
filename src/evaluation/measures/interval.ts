/** Confidence intervals of accuracies. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A confidence interval for a proportion or a mean of proportions. */
export interface Interval {
  /**
   * `wilson`: for independent cases that are right or wrong. `bootstrap`: percentiles of the means of resampled cases.
   * `standard-error`: mean ± 1.96 standard errors, clipped to 0 to 1; for progress displays and more than 10,000 cases.
   */
  readonly method: "wilson" | "bootstrap" | "standard-error";
  /** Confidence level, 0 to 1. */
  readonly level: number;
  /** Lower bound, 0 to 1. */
  readonly low: number;
  /** Upper bound, 0 to 1. */
  readonly high: number;
}

/** Confidence level of every interval. */
export const INTERVAL_LEVEL = 0.95;
/** 97.5th percentile of the standard normal distribution, which belongs to this level. */
export const NORMAL_QUANTILE = 1.959963984540054;
/** Enough that two seeds' percentiles differ by about a thirtieth of the interval's width. */
export const RESAMPLES = 2000;
/**
 * Resampling takes about a second here, and more above. With this many values the mean is normally distributed to far more
 * digits than the resamples could show.
 */
export const MAX_RESAMPLED_VALUES = 10_000;

/** E. B. Wilson's score interval (1927), without continuity correction; undefined without tries. */
export function wilsonInterval(right: number, tries: number): Interval | undefined {
  if (tries === 0) return undefined;
  const z2 = NORMAL_QUANTILE ** 2;
  const share = right / tries;
  const scale = 1 + z2 / tries;
  const centre = (share + z2 / (2 * tries)) / scale;
  const half = (NORMAL_QUANTILE * Math.sqrt((share * (1 - share)) / tries + z2 / (4 * tries * tries))) / scale;
  // At a share of 0 or 1 the bound is exact; rounding could move it.
  const low = right === 0 ? 0 : Math.max(0, centre - half);
  const high = right === tries ? 1 : Math.min(1, centre + half);
  return { method: "wilson", level: INTERVAL_LEVEL, low, high };
}

/**
 * The percentile bootstrap of a mean: {@link RESAMPLES} times as many values are drawn with replacement as there are, and the
 * interval spans the 2.5th to the 97.5th percentile of the resamples' means. Above {@link MAX_RESAMPLED_VALUES} values it is
 * {@link standardErrorInterval}. Undefined without values.
 *
 * @param seed the same seed gives the same interval, whatever the order of the values; 0 to 2^31 - 1
 */
export function bootstrapInterval(values: readonly number[], seed: number): Interval | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const [lowest, highest] = [sorted[0] as number, sorted[sorted.length - 1] as number];
  if (lowest === highest) return { method: "bootstrap", level: INTERVAL_LEVEL, low: lowest, high: highest };
  if (values.length > MAX_RESAMPLED_VALUES) return standardErrorOf(sorted);
  const generator = xoroshiro128plus(seed);
  const means = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let sum = 0;
    for (let draw = 0; draw < sorted.length; draw++)
      sum += sorted[uniformInt(generator, 0, sorted.length - 1)] as number;
    means[resample] = sum / sorted.length;
  }
  means.sort();
  const tail = (1 - INTERVAL_LEVEL) / 2;
  return { method: "bootstrap", level: INTERVAL_LEVEL, low: quantile(means, tail), high: quantile(means, 1 - tail) };
}

function standardErrorOf(values: Float64Array): Interval | undefined {
  let [sum, sumOfSquares] = [0, 0];
  for (const value of values) {
    sum += value;
    sumOfSquares += value * value;
  }
  return standardErrorInterval(values.length, sum, sumOfSquares);
}

/** Mean ± {@link NORMAL_QUANTILE} standard errors, clipped to 0 to 1; undefined for fewer than two values. */
export function standardErrorInterval(count: number, sum: number, sumOfSquares: number): Interval | undefined {
  if (count < 2) return undefined;
  const mean = sum / count;
  const variance = Math.max(0, sumOfSquares - sum * mean) / (count - 1);
  const half = NORMAL_QUANTILE * Math.sqrt(variance / count);
  return {
    method: "standard-error",
    level: INTERVAL_LEVEL,
    low: Math.max(0, mean - half),
    high: Math.min(1, mean + half),
  };
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
