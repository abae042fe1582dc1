/** Bins with about equal counts, and round step sizes. */
import { lastNotAbove } from "./correlation.ts";
import { evenSample } from "./outcome.ts";

/** Covers values from `low` to `high`, both included. */
export interface AccuracyBin {
  /** Smallest value in the bin. */
  readonly low: number;
  /** Largest value in the bin. */
  readonly high: number;
  /** Comparisons in the bin. */
  readonly comparisons: number;
  /** Fraction of the comparisons that are right, 0 to 1. */
  readonly accuracy: number;
}

/** Enough to see a curve; a thousand comparisons still leave a hundred per bin. */
const MAX_BINS = 10;
/** With fewer comparisons a bin's accuracy is noise. */
const MIN_PER_BIN = 10;

/**
 * Accuracy in at most {@link MAX_BINS} bins of nearly equal counts, with each bin's smallest and largest value. Equal values
 * share a bin, so there may be fewer bins. For very many values the bounds are quantiles of a sample.
 */
export function accuracyByValue(values: Float64Array, right: Uint8Array): AccuracyBin[] {
  if (values.length === 0) return [];
  const sorted = evenSample(values).sort();
  const lowest = values.reduce((a, b) => Math.min(a, b));
  const wanted = Math.min(MAX_BINS, Math.max(1, Math.floor(values.length / MIN_PER_BIN)));
  const starts = [lowest];
  for (let bin = 1; bin < wanted; bin++) {
    const start = sorted[Math.floor((bin * sorted.length) / wanted)] as number;
    if (start > (starts.at(-1) as number)) starts.push(start);
  }
  const counts = new Float64Array(starts.length);
  const hits = new Float64Array(starts.length);
  const lows = Float64Array.from(starts);
  const highs = lows.slice();
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const bin = lastNotAbove(lows, value);
    counts[bin] = (counts[bin] as number) + 1;
    hits[bin] = (hits[bin] as number) + (right[i] as number);
    if (value > (highs[bin] as number)) highs[bin] = value;
  }
  return starts.map((low, bin) => {
    const comparisons = counts[bin] as number;
    return { low, high: highs[bin] as number, comparisons, accuracy: (hits[bin] as number) / comparisons };
  });
}

/**
 * The largest round step (1, 2 or 5 times a power of ten) that divides `range` into at least `parts` steps; undefined if
 * `range` is not positive and finite.
 */
export function roundStep(range: number, parts: number): number | undefined {
  const most = range / parts;
  const power = 10 ** Math.floor(Math.log10(most));
  if (!Number.isFinite(range) || !(power > 0)) return undefined;
  const factor = most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1;
  return factor * power;
}
