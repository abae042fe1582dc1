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

/** By comparison, in the order of the cases. */
export interface PairLists {
  /** Score of the better response less that of the worse one. */
  readonly margins: Float64Array;
  /** Characters of the better response less those of the worse one. */
  readonly lengthDifferences: Float64Array;
  /** 1 where it came out right, else 0. */
  readonly right: Uint8Array;
}

export function listPairs(cases: readonly ScoredCase[]): PairLists {
  let count = 0;
  for (const { comparisons } of cases) count += comparisons.length;
  const margins = new Float64Array(count);
  const lengthDifferences = new Float64Array(count);
  const right = new Uint8Array(count);
  let at = 0;
  for (const scored of cases) {
    for (const comparison of scored.comparisons) {
      margins[at] = marginOf(scored, comparison);
      lengthDifferences[at] =
        (scored.lengths[comparison.better] as number) - (scored.lengths[comparison.worse] as number);
      right[at] = isRight(scored, comparison) ? 1 : 0;
      at++;
    }
  }
  return { margins, lengthDifferences, right };
}

/** Quantiles of so many are exact to half a percent. A prime, so that no pattern of the cases repeats with the steps. */
const MAX_SAMPLE = 65_521;

/** A copy of all values, or of {@link MAX_SAMPLE} of them in even steps where there are more. */
export function evenSample(values: Float64Array): Float64Array {
  if (values.length <= MAX_SAMPLE) return values.slice();
  const sample = new Float64Array(MAX_SAMPLE);
  for (let i = 0; i < MAX_SAMPLE; i++) sample[i] = values[Math.floor((i * values.length) / MAX_SAMPLE)] as number;
  return sample;
}
