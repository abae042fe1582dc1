/** Robust statistics: one slow measurement on a busy machine must not change the result. */

/** @param {readonly number[]} values not empty */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Median, median absolute deviation (MAD), minimum and maximum.
 *
 * @param {readonly number[]} values not empty
 */
export function summarize(values) {
  const middle = median(values);
  return {
    median: middle,
    mad: median(values.map((value) => Math.abs(value - middle))),
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  };
}
