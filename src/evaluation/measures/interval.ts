/** Confidence intervals of accuracies. */
import { seededRandom } from "../seeded-random.ts";
import { BinomialSource } from "./binomial.ts";

/** A confidence interval of a proportion, or of a mean of proportions. */
export interface Interval {
  /**
   * `wilson`: of independent cases that are right or wrong. `bootstrap`: percentiles of the means of resampled cases.
   * `standard-error`: the mean and its standard error, cut off at 0 and 1; cheap, for progress displays.
   */
  readonly method: "wilson" | "bootstrap" | "standard-error";
  /** Confidence, 0 to 1. */
  readonly level: number;
  readonly low: number;
  readonly high: number;
}

/** The confidence of every interval here. */
export const INTERVAL_LEVEL = 0.95;
/** The standard normal distribution's 97.5th percentile: it belongs to the level above. */
export const NORMAL_QUANTILE = 1.959963984540054;
/** So many that the percentiles of two seeds differ by about a thirtieth of the interval's width. */
export const RESAMPLES = 2000;

/** E. B. Wilson's score interval (1927), without correction for continuity; undefined without tries. */
export function wilsonInterval(right: number, tries: number): Interval | undefined {
  if (tries === 0) return undefined;
  const z2 = NORMAL_QUANTILE ** 2;
  const share = right / tries;
  const scale = 1 + z2 / tries;
  const centre = (share + z2 / (2 * tries)) / scale;
  const half = (NORMAL_QUANTILE * Math.sqrt((share * (1 - share)) / tries + z2 / (4 * tries * tries))) / scale;
  // At a share of 0 or 1 an end is exactly there; rounding may say otherwise.
  const low = right === 0 ? 0 : Math.max(0, centre - half);
  const high = right === tries ? 1 : Math.min(1, centre + half);
  return { method: "wilson", level: INTERVAL_LEVEL, low, high };
}

/**
 * The percentile bootstrap of a mean: as many values are drawn with replacement as there are, {@link RESAMPLES} times, and
 * the interval lies between the 2.5th and the 97.5th percentile of their means. Values that are equal are drawn together,
 * as a multinomial count, which is the same distribution and takes a time that does not grow with the number of values.
 * Undefined without values.
 *
 * @param seed the same one gives the same interval, whatever the order of the values
 */
export function bootstrapInterval(values: readonly number[], seed: number): Interval | undefined {
  if (values.length === 0) return undefined;
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const groups = [...counts].sort(([a], [b]) => a - b);
  const [first] = values as readonly [number];
  if (groups.length === 1) return { method: "bootstrap", level: INTERVAL_LEVEL, low: first, high: first };
  const source = new BinomialSource(seededRandom(seed), values.length);
  const means = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let sum = 0;
    let open = values.length;
    let openOriginals = values.length;
    for (const [value, count] of groups) {
      const drawn = source.draw(open, count / openOriginals);
      sum += drawn * value;
      open -= drawn;
      openOriginals -= count;
      if (open === 0) break;
    }
    means[resample] = sum / values.length;
  }
  means.sort();
  const tail = (1 - INTERVAL_LEVEL) / 2;
  return { method: "bootstrap", level: INTERVAL_LEVEL, low: quantile(means, tail), high: quantile(means, 1 - tail) };
}

/** Mean ± {@link NORMAL_QUANTILE} standard errors; undefined for fewer than two values, of which nothing is known. */
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
 * The value below which a part of the sorted values lies, with linear interpolation between neighbours (R's type 7,
 * numpy's default). At least one value.
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
