/** Bins with about equally many values each. */
import { lastNotAbove } from "./correlation.ts";

/** Values from `low` to `high`, both included. */
export interface AccuracyBin {
  readonly low: number;
  readonly high: number;
  readonly comparisons: number;
  /** Part of the comparisons that came out right, 0 to 1. */
  readonly accuracy: number;
}

/** Enough to see a curve, few enough that a thousand comparisons leave a hundred in each. */
export const MAX_BINS = 10;
/** Fewer comparisons in a bin say nothing. */
const MIN_PER_BIN = 10;

/**
 * Bins of nearly equal counts, at most {@link MAX_BINS}; equal values are never parted, so that there may be fewer. Each
 * says the smallest and the largest value that is in it.
 */
export function accuracyByValue(values: Float64Array, right: Uint8Array): AccuracyBin[] {
  if (values.length === 0) return [];
  const sorted = values.toSorted();
  const wanted = Math.min(MAX_BINS, Math.max(1, Math.floor(values.length / MIN_PER_BIN)));
  const starts = [sorted[0] as number];
  for (let bin = 1; bin < wanted; bin++) {
    const start = sorted[Math.floor((bin * sorted.length) / wanted)] as number;
    if (start > (starts.at(-1) as number)) starts.push(start);
  }
  const bins = starts.map((start) => ({ low: start, high: start, comparisons: 0, right: 0 }));
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const bin = bins[lastNotAbove(starts, value)] as (typeof bins)[number];
    bin.high = Math.max(bin.high, value);
    bin.comparisons++;
    bin.right += right[i] as number;
  }
  return bins.map(({ low, high, comparisons, right: hits }) => ({
    low,
    high,
    comparisons,
    accuracy: hits / comparisons,
  }));
}
