/** The parts that a data set has names for. */
import type { ScoredCase } from "../case.ts";
import { type AccuracyMeasures, measureAccuracy } from "./accuracy.ts";

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
