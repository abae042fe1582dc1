/** Intervals of shares, and of the mean and the median of values without bounds, such as score shifts. The unit is the prompt. Pure. */
import { mean, PromptSums } from "./accuracy.ts";
import { spreadOf, sumsOf } from "./clusters.ts";
import { studentQuantile } from "./distributions.ts";
import { clusteredInterval, INTERVAL_LEVEL, type Interval, quantile, wilsonInterval } from "./interval.ts";

/**
 * Student's interval for a mean, with the variance between prompts. Undefined for a single prompt, and where nothing varies: that is
 * no evidence of how much it can.
 *
 * @param prompts of each value
 */
export function clusteredMeanInterval(values: readonly number[], prompts: readonly string[]): Interval | undefined {
  const centre = mean(values);
  if (values.every((value) => value === values[0])) return undefined;
  // Around the mean: sums of large values would cancel.
  const around = values.map((value) => value - centre);
  const spread = spreadOf(sumsOf(sumsByPrompt(around, prompts).values()));
  if (spread === undefined || spread.variance === 0) return undefined;
  const half = studentQuantile(spread.degrees) * Math.sqrt(spread.variance);
  return { method: "clustered-mean", level: INTERVAL_LEVEL, low: centre - half, high: centre + half };
}

/** Of so few, even the lowest and the highest do not have the median between them in 95 of 100 samples. */
const MIN_PROMPTS_OF_MEDIAN = 6;

/**
 * The interval of a median: from value to value, by the interval of the share of values below it (R. S. Woodruff, 1952).
 * Undefined for fewer than six prompts, and where all values are equal.
 *
 * @param prompts of each value
 */
export function clusteredMedianInterval(values: readonly number[], prompts: readonly string[]): Interval | undefined {
  const sorted = Float64Array.from(values).sort();
  const count = sorted.length;
  if (count === 0 || sorted[0] === sorted[count - 1]) return undefined;
  const median = quantile(sorted, 0.5);
  const place = (value: number) => (value < median ? 1 : value === median ? 0.5 : 0);
  const promptCount = new Set(prompts).size;
  const shares = clusteredShareInterval(values.map(place), prompts);
  if (promptCount < MIN_PROMPTS_OF_MEDIAN || shares === undefined) return undefined;
  // Where a prompt has several values, their number is larger than that of the draws, and rounding outwards would be too much.
  if (promptCount < count) {
    const [low, high] = [quantile(sorted, shares.low), quantile(sorted, shares.high)];
    return { method: "clustered-median", level: INTERVAL_LEVEL, low, high };
  }
  const low = sorted[Math.max(0, Math.floor(count * shares.low) - 1)] as number;
  const high = sorted[Math.min(count - 1, Math.ceil(count * shares.high))] as number;
  return { method: "clustered-median", level: INTERVAL_LEVEL, low, high };
}

/**
 * Wilson's interval of the mean of values from 0 to 1: at the effective number of prompts where a prompt has several. Undefined
 * without values.
 *
 * @param prompts of each value
 */
export function clusteredShareInterval(values: readonly number[], prompts: readonly string[]): Interval | undefined {
  const sums = sumsByPrompt(values, prompts);
  if (sums.size < values.length) return clusteredInterval(sums.values());
  const total = values.reduce((sum, value) => sum + value, 0);
  return wilsonInterval(total, values.length);
}

function sumsByPrompt(values: readonly number[], prompts: readonly string[]): PromptSums {
  const sums = new PromptSums();
  for (const [i, value] of values.entries()) sums.add({ prompt: prompts[i] as string }, value);
  return sums;
}
