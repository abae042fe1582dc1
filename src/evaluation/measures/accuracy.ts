/** Accuracy: how often scores put responses in their known order. Overall, by subset, and while cases stream by. */
import type { ScoredCase } from "../case.ts";
import { bootstrapInterval, type Interval, standardErrorInterval, wilsonInterval } from "./interval.ts";
import { marginOf, rightComparisons } from "./outcome.ts";

/** How often the better response wins. */
export interface AccuracyMeasures {
  /** Scored cases. */
  readonly cases: number;
  /** Comparisons in all cases. */
  readonly comparisons: number;
  /**
   * Mean over cases of the fraction of a case's comparisons that are right, 0 to 1: the model card's definition. Absent
   * without cases.
   */
  readonly accuracy?: number;
  /** Of `accuracy`, at 95 %: Wilson if every case has one comparison, else the bootstrap over cases. */
  readonly interval?: Interval;
  /** Right comparisons divided by all comparisons, 0 to 1: larger cases weigh more. Absent without cases. */
  readonly pairAccuracy?: number;
  /** Comparisons of two equal scores. They count as wrong unless the comparison allows ties. */
  readonly scoreTies: number;
}

/** @param seed for the bootstrap */
export function measureAccuracy(cases: readonly ScoredCase[], seed: number): AccuracyMeasures {
  const shares: number[] = [];
  let [comparisons, right, scoreTies, binary] = [0, 0, 0, true];
  for (const scored of cases) {
    const count = scored.comparisons.length;
    if (count === 0) continue;
    const rightHere = rightComparisons(scored);
    shares.push(rightHere / count);
    comparisons += count;
    right += rightHere;
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
 * Accuracy of the cases so far, for a progress display. The interval is Wilson's while every case has one comparison, then
 * mean ± 1.96 standard errors. Independent of the order of the cases, up to rounding.
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

  /** Without accuracy and interval before the first case. */
  get current(): { readonly cases: number; readonly accuracy?: number; readonly interval?: Interval } {
    if (this.#cases === 0) return { cases: 0 };
    const interval = this.#binary
      ? wilsonInterval(this.#sum, this.#cases)
      : standardErrorInterval(this.#cases, this.#sum, this.#sumOfSquares);
    return { cases: this.#cases, accuracy: this.#sum / this.#cases, ...(interval && { interval }) };
  }
}

/** Mean of one or more values. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Accuracy on one subset of a data set. */
export interface SubsetMeasures extends AccuracyMeasures {
  /** Name in the data set. */
  readonly subset: string;
}

/** Groups cases by subset, sorted by name (code units); cases without a subset are skipped. */
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

/** Undefined if no case has a subset. */
export function measureSubsets(cases: readonly ScoredCase[], seed: number): SubsetMeasures[] | undefined {
  const subsets = [...bySubset(cases)].map(([subset, members]) => ({ subset, ...measureAccuracy(members, seed) }));
  return subsets.length === 0 ? undefined : subsets;
}
