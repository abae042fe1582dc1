/** What came out of a comparison. */
import type { Comparison, ScoredCase } from "../case.ts";

/** Score of the better response less that of the worse one; never -0, which JSON does not keep. */
export function marginOf({ scores }: ScoredCase, { better, worse }: Comparison): number {
  return (scores[better] as number) - (scores[worse] as number) + 0;
}

/** Whether the better response got the higher score; an equal one only counts where the comparison says so. */
export function isRight({ scores }: Pick<ScoredCase, "scores">, { better, worse, orEqual }: Comparison): boolean {
  const [high, low] = [scores[better] as number, scores[worse] as number];
  return high > low || (orEqual === true && high === low);
}

/** How many of a case's comparisons came out right. */
export function rightComparisons(scored: Pick<ScoredCase, "scores" | "comparisons">): number {
  let right = 0;
  for (const comparison of scored.comparisons) if (isRight(scored, comparison)) right++;
  return right;
}

/** `value`, or undefined where it is no finite number, which JSON has no word for. */
export function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** {name: value} where the value is finite, an empty object otherwise: for results in which such a number is absent. */
export function whenFinite<Name extends string>(name: Name, value: number): { [key in Name]?: number } {
  return Number.isFinite(value) ? ({ [name]: value } as { [key in Name]: number }) : {};
}
