/** Measures of whole rankings of more than two responses. */
import type { ScoredCase } from "../case.ts";
import { kendallTauB } from "./correlation.ts";
import { whenFinite } from "./outcome.ts";
import { rankingLoss } from "./plackett-luce.ts";

/** Responses without a grade are ignored. */
export interface RankingMeasures {
  /** Cases with two or more distinct grades; `top1` and the likelihoods are means over them. */
  readonly cases: number;
  /**
   * How often a best-graded response has the highest score, 0 to 1. If several responses share the highest score, the
   * fraction of them that is best-graded counts.
   */
  readonly top1?: number;
  /** `top1` of a random order: the mean fraction of best-graded responses. */
  readonly top1AtRandom?: number;
  /** Mean over cases of Kendall's tau-b between scores and grades, -1 to 1; 0 for a random order. */
  readonly kendall?: number;
  /** Cases without a tau because all scores are equal; the mean leaves them out. */
  readonly kendallUndefined: number;
  /**
   * Mean over cases of the negative log-likelihood of the graded order under Plackett-Luce, in nats, 0 or more: the loss
   * that the model was trained with.
   */
  readonly negativeLogLikelihood?: number;
  /** The same for equal scores: log(K!) for K responses without ties. */
  readonly negativeLogLikelihoodAtRandom?: number;
}

/** Undefined if no case has more than two distinct grades: then accuracy says everything. */
export function measureRanking(cases: readonly ScoredCase[]): RankingMeasures | undefined {
  let [ranked, most, top1, top1AtRandom, loss, lossAtRandom] = [0, 0, 0, 0, 0, 0];
  let [tau, taus] = [0, 0];
  for (const scored of cases) {
    const { grades, scores } = gradedOnly(scored);
    const levels = new Set(grades).size;
    most = Math.max(most, levels);
    if (levels < 2) continue;
    ranked++;
    const bestGrade = grades.reduce((a, b) => Math.max(a, b));
    const bestScore = scores.reduce((a, b) => Math.max(a, b));
    const atTop = grades.filter((_, i) => scores[i] === bestScore);
    top1 += share(atTop, bestGrade);
    top1AtRandom += share(grades, bestGrade);
    loss += rankingLoss(scores, grades);
    lossAtRandom += lossOfEqualScores(grades);
    const caseTau = kendallTauB(scores, grades);
    if (caseTau === undefined) continue;
    tau += caseTau;
    taus++;
  }
  if (most <= 2) return undefined;
  return {
    cases: ranked,
    ...whenFinite("top1", top1 / ranked),
    ...whenFinite("top1AtRandom", top1AtRandom / ranked),
    ...whenFinite("kendall", tau / taus),
    kendallUndefined: ranked - taus,
    ...whenFinite("negativeLogLikelihood", loss / ranked),
    ...whenFinite("negativeLogLikelihoodAtRandom", lossAtRandom / ranked),
  };
}

function gradedOnly({ grades, scores }: ScoredCase): { grades: readonly number[]; scores: readonly number[] } {
  if (!grades.includes(undefined)) return { grades: grades as readonly number[], scores };
  const graded = grades.flatMap((grade, i) => (grade === undefined ? [] : [{ grade, score: scores[i] as number }]));
  return { grades: graded.map(({ grade }) => grade), scores: graded.map(({ score }) => score) };
}

function share(grades: readonly number[], grade: number): number {
  return grades.filter((other) => other === grade).length / grades.length;
}

/** All K! orders are equally likely; those that agree with the grades permute tied responses only. */
function lossOfEqualScores(grades: readonly number[]): number {
  const seen = new Map<number, number>();
  let loss = 0;
  for (const [i, grade] of grades.entries()) {
    const tied = (seen.get(grade) ?? 0) + 1;
    seen.set(grade, tied);
    loss += Math.log((i + 1) / tied);
  }
  return loss;
}
