/** How often the order of the scores is the known one. */
import type { ScoredCase } from "../case.ts";
import { bootstrapInterval, type Interval, standardErrorInterval, wilsonInterval } from "./interval.ts";
import { marginOf, rightComparisons } from "./outcome.ts";

export interface AccuracyMeasures {
  /** Scored cases. */
  readonly cases: number;
  /** Comparisons in all of them. */
  readonly comparisons: number;
  /**
   * Mean over cases of the part of a case's comparisons that came out right (the model card's definition), 0 to 1. Absent
   * without cases.
   */
  readonly accuracy?: number;
  /** Of `accuracy`, at 95 %: Wilson if every case has one comparison, else the bootstrap over cases. */
  readonly interval?: Interval;
  /** Right comparisons by all comparisons, 0 to 1: cases with many of them count for more. Absent without cases. */
  readonly pairAccuracy?: number;
  /** Comparisons of two equal scores: wrong ones, unless equality is allowed. */
  readonly scoreTies: number;
}

/** @param seed of the bootstrap */
export function measureAccuracy(cases: readonly ScoredCase[], seed: number): AccuracyMeasures {
  const shares: number[] = [];
  let [comparisons, right, scoreTies, binary] = [0, 0, 0, true];
  for (const scored of cases) {
    const count = scored.comparisons.length;
    if (count === 0) continue;
    const own = rightComparisons(scored);
    shares.push(own / count);
    comparisons += count;
    right += own;
    binary &&= count === 1;
    for (const comparison of scored.comparisons) if (marginOf(scored, comparison) === 0) scoreTies++;
  }
  if (comparisons === 0) return { cases: cases.length, comparisons, scoreTies };
  const interval = binary ? wilsonInterval(right, comparisons) : bootstrapInterval(shares, seed);
  return {
    cases: cases.length,
    comparisons,
    accuracy: mean(shares),
    ...(interval && { interval }),
    pairAccuracy: right / comparisons,
    scoreTies,
  };
}

/**
 * The accuracy of the cases so far, for a progress display: the interval is Wilson's as long as every case is one
 * comparison, and mean ± 1.96 standard errors from then on. The order of the cases does not matter but for rounding.
 */
export class RunningAccuracy {
  #cases = 0;
  #sum = 0;
  #sumOfSquares = 0;
  #binary = true;

  add(scored: ScoredCase): void {
    const count = scored.comparisons.length;
    if (count === 0) return;
    const share = rightComparisons(scored) / count;
    this.#cases++;
    this.#sum += share;
    this.#sumOfSquares += share * share;
    this.#binary &&= count === 1;
  }

  /** Absent values where nothing is known yet. */
  get current(): { readonly cases: number; readonly accuracy?: number; readonly interval?: Interval } {
    if (this.#cases === 0) return { cases: 0 };
    const interval = this.#binary
      ? wilsonInterval(this.#sum, this.#cases)
      : standardErrorInterval(this.#cases, this.#sum, this.#sumOfSquares);
    return { cases: this.#cases, accuracy: this.#sum / this.#cases, ...(interval && { interval }) };
  }
}

/** Of one or more values. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

export interface SubsetMeasures extends AccuracyMeasures {
  /** As the data set calls it. */
  readonly subset: string;
}

/** Cases by subset, in the order of the names' code units; those without one are left out. */
export function bySubset(cases: readonly ScoredCase[]): Map<string, ScoredCase[]> {
  const subsets = new Map<string, ScoredCase[]>();
  for (const scored of cases) {
    if (scored.subset === undefined) continue;
    const same = subsets.get(scored.subset);
    if (same === undefined) subsets.set(scored.subset, [scored]);
    else same.push(scored);
  }
  return new Map([...subsets].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Undefined where no case has a subset. */
export function measureSubsets(cases: readonly ScoredCase[], seed: number): SubsetMeasures[] | undefined {
  const subsets = [...bySubset(cases)].map(([subset, own]) => ({ subset, ...measureAccuracy(own, seed) }));
  return subsets.length === 0 ? undefined : subsets;
}
