/** The difference of two models' accuracies on the same cases, and whether it can be chance. Pure. */
import type { ScoredCase } from "../case.ts";
import { PromptSums } from "./accuracy.ts";
import { coinTest, normalTest } from "./distributions.ts";
import { type Interval, pairedInterval } from "./interval.ts";
import { rightComparisons } from "./outcome.ts";

/** The second model's accuracy minus the first's. */
export interface PairedDifference {
  /** -1 to 1; above 0 the second model is right more often. */
  readonly difference: number;
  /** At 95 %; the unit is the prompt. */
  readonly interval: Interval;
  /** Two-sided p of McNemar's test: how often models of equal accuracy would differ this much, 0 to 1. */
  readonly p: number;
  /** `exact`: every prompt has one comparison. `clustered`: prompts have several (V. L. Durkalski et al., 2003). */
  readonly test: "exact" | "clustered";
}

/** Undefined if no case has a comparison. */
export function measurePaired(
  first: readonly ScoredCase[],
  second: readonly ScoredCase[],
): PairedDifference | undefined {
  const prompts = new PromptSums();
  let [comparisons, cases, sum, onlyFirst, onlySecond] = [0, 0, 0, 0, 0];
  for (const [at, a] of first.entries()) {
    const b = second[at];
    const count = a.comparisons.length;
    if (b === undefined || count === 0) continue;
    const gain = rightComparisons(b) - rightComparisons(a);
    comparisons += count;
    cases += 1;
    sum += gain / count;
    if (gain > 0) onlySecond += 1;
    if (gain < 0) onlyFirst += 1;
    prompts.add(a, gain / count);
  }
  const interval = pairedInterval(prompts.values());
  if (interval === undefined) return undefined;
  const exact = comparisons === prompts.size;
  const p = exact ? coinTest(onlySecond, onlyFirst + onlySecond) : clusteredTest(prompts);
  return { difference: sum / cases, interval, p, test: exact ? "exact" : "clustered" };
}

function clusteredTest(prompts: PromptSums): number {
  let [total, squares] = [0, 0];
  for (const { sum } of prompts.values()) {
    total += sum;
    squares += sum * sum;
  }
  return squares === 0 ? 1 : normalTest(total / Math.sqrt(squares));
}
