/** Outcomes of comparisons, one by one and as flat arrays. */
import type { Comparison, ScoredCase } from "../case.ts";

/** Score of the better response minus that of the worse one; never -0, which JSON would not preserve. */
export function marginOf({ scores }: ScoredCase, { better, worse }: Comparison): number {
  return (scores[better] as number) - (scores[worse] as number) + 0;
}

/** Whether the better response has the higher score; a tie counts only if the comparison allows it. */
export function isRight({ scores }: Pick<ScoredCase, "scores">, { better, worse, orEqual }: Comparison): boolean {
  const [high, low] = [scores[better] as number, scores[worse] as number];
  return high > low || (orEqual === true && high === low);
}

/** Number of right comparisons of a case. */
export function rightComparisons(scored: Pick<ScoredCase, "scores" | "comparisons">): number {
  let right = 0;
  for (const comparison of scored.comparisons) if (isRight(scored, comparison)) right++;
  return right;
}

/** `value` if it is finite, else undefined. */
export function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** `{ [name]: value }` if the value is finite, else `{}`: spread into results, it leaves undefined numbers out. */
export function whenFinite<Name extends string>(name: Name, value: number): { [key in Name]?: number } {
  return Number.isFinite(value) ? ({ [name]: value } as { [key in Name]: number }) : {};
}

/** One entry per comparison, in the order of the cases. Typed arrays hold millions of them and sort fast. */
export interface PairLists {
  /** See {@link marginOf}. */
  readonly margins: Float64Array;
  /** Characters of the better response minus those of the worse one. */
  readonly lengthDifferences: Float64Array;
  /** 1 if right, else 0. */
  readonly right: Uint8Array;
  /** Number of the prompt, 0 to `promptCount` - 1. */
  readonly prompts: Uint32Array;
  readonly promptCount: number;
}

export function listPairs(cases: readonly ScoredCase[]): PairLists {
  let count = 0;
  for (const { comparisons } of cases) count += comparisons.length;
  const margins = new Float64Array(count);
  const lengthDifferences = new Float64Array(count);
  const right = new Uint8Array(count);
  const prompts = new Uint32Array(count);
  const numbers = new PromptNumbers();
  let at = 0;
  for (const scored of cases) {
    const prompt = numbers.of(scored);
    for (const comparison of scored.comparisons) {
      margins[at] = marginOf(scored, comparison);
      lengthDifferences[at] =
        (scored.lengths[comparison.better] as number) - (scored.lengths[comparison.worse] as number);
      right[at] = isRight(scored, comparison) ? 1 : 0;
      prompts[at] = prompt;
      at++;
    }
  }
  return { margins, lengthDifferences, right, prompts, promptCount: numbers.size };
}

/** Numbers prompts from 0, in the order in which cases have them; a case of unknown prompt is one of its own. */
export class PromptNumbers {
  readonly #known = new Map<string, number>();
  #size = 0;

  /** Number of prompts. */
  get size(): number {
    return this.#size;
  }

  of({ prompt }: Pick<ScoredCase, "prompt">): number {
    const known = prompt === undefined ? undefined : this.#known.get(prompt);
    if (known !== undefined) return known;
    if (prompt !== undefined) this.#known.set(prompt, this.#size);
    return this.#size++;
  }
}

/** Enough for quantiles exact to half a percent. Prime, so the step does not resonate with patterns in the cases. */
const MAX_SAMPLE = 65_521;

/** A copy of the values; of more than {@link MAX_SAMPLE}, an evenly spaced sample. */
export function evenSample(values: Float64Array): Float64Array {
  if (values.length <= MAX_SAMPLE) return values.slice();
  const sample = new Float64Array(MAX_SAMPLE);
  for (let i = 0; i < MAX_SAMPLE; i++) sample[i] = values[Math.floor((i * values.length) / MAX_SAMPLE)] as number;
  return sample;
}
