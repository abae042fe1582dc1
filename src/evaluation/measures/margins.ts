/** Margins: the better response's score minus the worse one's. */
import { type AccuracyBin, accuracyByValue, roundStep } from "./bins.ts";
import { type PairLists, whenFinite } from "./outcome.ts";

/** Margins: the score of the better response minus that of the worse one. */
export interface MarginMeasures {
  /** Mean margin over comparisons. */
  readonly mean?: number;
  /** Median margin over comparisons. */
  readonly median?: number;
  /** Comparisons by margin. */
  readonly histogram: Histogram;
  /** Accuracy by absolute margin, in bins of nearly equal counts, smallest margins first. */
  readonly accuracyBySize: readonly AccuracyBin[];
}

/** Comparisons by margin, in bins of equal width. */
export interface Histogram {
  /** Lower edge of the first bin: a multiple of `width`, so 0 is always an edge. */
  readonly start: number;
  /** 1, 2 or 5 times a power of ten. */
  readonly width: number;
  /** Margins per bin, lower edge included; margins of 0 count only in `zero`. */
  readonly counts: readonly number[];
  /** Margins of exactly 0, from equal scores. */
  readonly zero: number;
}

/** The histogram has at least this many bins, and at most about two and a half times as many. */
const MIN_HISTOGRAM_BINS = 16;

/** Undefined without comparisons, or if the range of the margins is not finite. */
export function measureMargins({ margins, right }: PairLists): MarginMeasures | undefined {
  const histogram = histogramOf(margins);
  if (histogram === undefined) return undefined;
  let sum = 0;
  for (const margin of margins) sum += margin;
  const sorted = margins.toSorted();
  const upper = sorted[sorted.length >> 1] as number;
  const lower = sorted[(sorted.length - 1) >> 1] as number;
  return {
    ...whenFinite("mean", sum / margins.length),
    ...whenFinite("median", lower / 2 + upper / 2),
    histogram,
    accuracyBySize: accuracyByValue(margins.map(Math.abs), right),
  };
}

function histogramOf(margins: Float64Array): Histogram | undefined {
  let [low, high] = [0, 0];
  for (const margin of margins) {
    low = Math.min(low, margin);
    high = Math.max(high, margin);
  }
  const width = high === low ? 1 : roundStep(high - low, MIN_HISTOGRAM_BINS);
  if (margins.length === 0 || width === undefined) return undefined;
  const first = Math.floor(low / width);
  const counts = new Array<number>(Math.floor(high / width) - first + 1).fill(0);
  let zero = 0;
  for (const margin of margins) {
    const bin = Math.floor(margin / width) - first;
    if (margin === 0) zero++;
    else counts[bin] = (counts[bin] ?? 0) + 1;
  }
  // The last bin can be empty: it exists for margins on its lower edge, and those of 0 are counted in `zero`.
  if (counts.at(-1) === 0 && counts.length > 1) counts.pop();
  return { start: first * width, width, counts, zero };
}
