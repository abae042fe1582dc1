/** How well whole rankings of more than two responses come out. */
import type { ScoredCase } from "../case.ts";
import { rankingLoss } from "../plackett-luce.ts";
import { kendallTauB } from "./correlation.ts";
import { whenFinite } from "./outcome.ts";

/** Responses without a grade take no part in any of these. */
export interface RankingMeasures {
  /** Cases with two or more different grades: what `top1` and the likelihoods are means over. */
  readonly cases: number;
  /**
   * How often a best-graded response has the highest score, 0 to 1; where several responses share the highest score, the
   * part of them that is best-graded.
   */
  readonly top1?: number;
  /** `top1` of equal scores: the mean part of a case's responses that is best-graded. */
  readonly top1AtRandom?: number;
  /** Mean over cases of Kendall's tau-b between scores and grades, -1 to 1; 0 at random. */
  readonly kendall?: number;
  /** Cases for which tau is undefined because all scores are equal; not part of its mean. */
  readonly kendallUndefined: number;
  /**
   * Mean over cases of the negative log-likelihood of the graded order under Plackett-Luce, in nats: what the model was
   * trained to make small. 0 or more.
   */
  readonly negativeLogLikelihood?: number;
  /** The same of equal scores: log(K!) for K responses without ties. */
  readonly negativeLogLikelihoodAtRandom?: number;
}

/** Undefined where no case has more than two different grades: comparisons say it all then. */
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
    const own = kendallTauB(scores, grades);
    if (own === undefined) continue;
    tau += own;
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

/** Of K! orders, all as likely, those that agree with the grades are as many as the tied responses have orders. */
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
