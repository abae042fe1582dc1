/**
 * The score of RewardBench 2 (Malik et al., 2025): best of four by subset, and the subset "Ties" by rules of its own. Read
 * from the benchmark's own code (allenai/reward-bench, rewardbench/utils.py and scripts/run_v2.py).
 */
import type { ScoredCase } from "../case.ts";
import { mean } from "./accuracy.ts";
import { bySubset } from "./subsets.ts";
import { scoreTies, type TiesScore } from "./ties-score.ts";

export interface RewardBench2Score {
  readonly kind: "rewardbench2";
  /** Mean of the six subsets, 0 to 1.002 (see {@link TiesScore}); absent where one of them is. */
  readonly score?: number;
  /** Those with a score, by name. */
  readonly subsets: readonly { readonly subset: string; readonly score: number; readonly cases: number }[];
  /** What the score of "Ties" is made of. */
  readonly ties?: TiesScore;
  readonly missingSubsets: readonly string[];
  /** Subsets that the benchmark does not have: they are scored, and not part of the mean. */
  readonly unknownSubsets: readonly string[];
}

const SUBSETS = ["Factuality", "Precise IF", "Math", "Safety", "Focus", "Ties"] as const;

/** Undefined without cases. */
export function scoreRewardBench2(cases: readonly ScoredCase[]): RewardBench2Score | undefined {
  if (cases.length === 0) return undefined;
  const subsets: { subset: string; score: number; cases: number }[] = [];
  let ties: TiesScore | undefined;
  for (const [subset, own] of bySubset(cases)) {
    const isTies = subset.toLowerCase() === "ties";
    if (isTies) ties = scoreTies(own);
    const score = isTies ? ties?.score : bestOfScore(own);
    if (score !== undefined) subsets.push({ subset, score, cases: own.length });
  }
  const present = new Set(subsets.map(({ subset }) => subset.toLowerCase()));
  const known = new Set<string>(SUBSETS.map((subset) => subset.toLowerCase()));
  const missingSubsets = SUBSETS.filter((subset) => !present.has(subset.toLowerCase()));
  const counted = subsets.filter(({ subset }) => known.has(subset.toLowerCase()));
  const score = mean(counted.map((own) => own.score));
  return {
    kind: "rewardbench2",
    ...(missingSubsets.length === 0 && { score }),
    subsets,
    ...(ties && { ties }),
    missingSubsets,
    unknownSubsets: subsets.map(({ subset }) => subset).filter((subset) => !known.has(subset.toLowerCase())),
  };
}

/** Mean of what each case gets: 1 where its first best-graded response has the highest score, less where others share it. */
function bestOfScore(cases: readonly ScoredCase[]): number {
  let sum = 0;
  for (const { scores, grades } of cases) {
    const best = scores.reduce((a, b) => Math.max(a, b));
    const bestGrade = grades.reduce<number>((a, b) => Math.max(a, b ?? a), Number.NEGATIVE_INFINITY);
    if (scores[grades.indexOf(bestGrade)] === best) sum += 1 / scores.filter((score) => score === best).length;
  }
  return sum / cases.length;
}
