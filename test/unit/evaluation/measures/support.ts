/** Scored cases for tests. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { type BenchmarkName, comparisonsByGrade, type ScoredCase } from "../../../../src/evaluation/case.ts";

export type MadeCase = Partial<ScoredCase> & Pick<ScoredCase, "scores">;

/** A case with what is not given filled in: the first response is the best one, all are 10 characters long. */
export function scoredCase({ scores, ...given }: MadeCase): ScoredCase {
  const grades = given.grades ?? scores.map((_, i) => (i === 0 ? 1 : 0));
  return {
    source: 0,
    row: 1,
    comparisons: comparisonsByGrade(grades.map((grade) => ({ grade }))),
    lengths: scores.map(() => 10),
    tokenCounts: scores.map(() => 5),
    truncated: scores.map(() => false),
    ...given,
    grades,
    scores,
  };
}

export interface Golden {
  readonly name: string;
  readonly benchmark: BenchmarkName;
  readonly cases: readonly MadeCase[];
  readonly expected: Record<string, unknown>;
}

/** Normally distributed numbers (Box and Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Numbers from 0 (included) to 1 (excluded), the same in every run. */
export function seededRandom(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => uniformFloat64(generator);
}
