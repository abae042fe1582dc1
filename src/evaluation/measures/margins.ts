/** By how much the better responses win. */
import { type AccuracyBin, accuracyByValue, roundStep } from "./bins.ts";
import type { PairLists } from "./outcome.ts";
import { whenFinite } from "./outcome.ts";

export interface MarginMeasures {
  /** Mean over comparisons of the better response's score less the worse one's. */
  readonly mean?: number;
  readonly median?: number;
  readonly histogram: Histogram;
  /** Accuracy against the size of the margin, whatever its sign; bins of nearly equal counts, smallest margins first. */
  readonly accuracyBySize: readonly AccuracyBin[];
}

export interface Histogram {
  /** Lower end of the first bin: a multiple of `width`, so that 0 is always between two bins. */
  readonly start: number;
  /** 1, 2 or 5 times a power of ten. */
  readonly width: number;
  /** By bin: margins from its lower end (included) to its upper end; those that are 0 are counted in `zero` alone. */
  readonly counts: readonly number[];
  /** Margins that are exactly 0: equal scores. */
  readonly zero: number;
}

/** The histogram has between this many and about two and a half times as many bins. */
const MIN_HISTOGRAM_BINS = 16;

/** Undefined without comparisons, and where margins are too large to be told in numbers. */
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
  // The last bin is only there for margins at its lower end; the one that 0 begins, for those above it.
  if (counts.at(-1) === 0 && counts.length > 1) counts.pop();
  return { start: first * width, width, counts, zero };
}
