/** Accuracy: how often scores put responses in their known order. Overall, by subset, and while cases stream by. */
import type { ScoredCase } from "../case.ts";
import { type ClusterSums, sumsOfSingles } from "./clusters.ts";
import { clusteredInterval, type Interval, intervalOfSums, wilsonInterval } from "./interval.ts";
import { marginOf, PromptNumbers, rightComparisons } from "./outcome.ts";

/** How often the better response wins. */
export interface AccuracyMeasures {
  /** Scored cases. */
  readonly cases: number;
  /** Different prompts among them: the unit of `interval`. */
  readonly prompts: number;
  /** Comparisons in all cases. */
  readonly comparisons: number;
  /**
   * Mean over cases of the fraction of a case's comparisons that are right, 0 to 1: the model card's definition. Absent
   * without cases.
   */
  readonly accuracy?: number;
  /** Of `accuracy`, at 95 %: Wilson's if every prompt has one comparison, else Wilson's at the effective number of prompts. */
  readonly interval?: Interval;
  /** Right comparisons divided by all comparisons, 0 to 1: larger cases weigh more. Absent without cases. */
  readonly pairAccuracy?: number;
  /** Comparisons of two equal scores. They count as wrong unless the comparison allows ties. */
  readonly scoreTies: number;
}

export function measureAccuracy(cases: readonly ScoredCase[]): AccuracyMeasures {
  const prompts = new PromptSums();
  let [sum, comparisons, right, scoreTies, measured] = [0, 0, 0, 0, 0];
  for (const scored of cases) {
    const count = scored.comparisons.length;
    if (count === 0) continue;
    const rightHere = rightComparisons(scored);
    measured += 1;
    sum += rightHere / count;
    prompts.add(scored, rightHere / count);
    comparisons += count;
    right += rightHere;
    for (const comparison of scored.comparisons) if (marginOf(scored, comparison) === 0) scoreTies++;
  }
  if (comparisons === 0) return { cases: cases.length, prompts: 0, comparisons, scoreTies };
  const single = comparisons === prompts.size;
  const interval = single ? wilsonInterval(right, comparisons) : clusteredInterval(prompts.values());
  return {
    cases: cases.length,
    prompts: prompts.size,
    comparisons,
    accuracy: sum / measured,
    ...(interval && { interval }),
    pairAccuracy: right / comparisons,
    scoreTies,
  };
}

/** Sums of the cases' values by prompt; a case of unknown prompt is one of its own. */
export class PromptSums {
  readonly #numbers = new PromptNumbers();
  readonly #sums: { sum: number; count: number; squares: number }[] = [];

  /** Number of prompts. */
  get size(): number {
    return this.#sums.length;
  }

  add(scored: Pick<ScoredCase, "prompt">, value: number): void {
    const number = this.#numbers.of(scored);
    this.#sums[number] ??= { sum: 0, count: 0, squares: 0 };
    const same = this.#sums[number];
    same.sum += value;
    same.count += 1;
    same.squares += value * value;
  }

  values(): Iterable<ClusterSums> {
    return this.#sums;
  }
}

/**
 * Accuracy of the cases so far, for a progress display. The interval is Wilson's while every case has one comparison, then
 * Wilson's at the effective number of cases. Independent of the order of the cases, up to rounding.
 */
export class RunningAccuracy {
  #cases = 0;
  readonly #sums: [number, number, number, number] = [0, 0, 0, 0];
  #binary = true;

  add(scored: ScoredCase): void {
    const count = scored.comparisons.length;
    if (count === 0) return;
    const share = rightComparisons(scored) / count;
    this.#cases++;
    for (let power = 0; power < this.#sums.length; power++)
      this.#sums[power] = (this.#sums[power] as number) + share ** (power + 1);
    this.#binary &&= count === 1;
  }

  /** Without accuracy and interval before the first case. */
  get current(): { readonly cases: number; readonly accuracy?: number; readonly interval?: Interval } {
    const [cases, [total]] = [this.#cases, this.#sums];
    if (cases === 0) return { cases: 0 };
    const interval = this.#binary ? wilsonInterval(total, cases) : intervalOfSums(sumsOfSingles(cases, this.#sums));
    return { cases, accuracy: total / cases, ...(interval && { interval }) };
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
export function measureSubsets(cases: readonly ScoredCase[]): SubsetMeasures[] | undefined {
  const subsets = [...bySubset(cases)].map(([subset, members]) => ({ subset, ...measureAccuracy(members) }));
  return subsets.length === 0 ? undefined : subsets;
}
