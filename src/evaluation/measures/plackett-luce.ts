/**
 * The model's training loss: the K-wise (Plackett-Luce) likelihood of a ranking, which is Bradley-Terry for two responses.
 * R. L. Plackett, "The Analysis of Permutations" (1975); Zhu et al., "Principled Reinforcement Learning with Human Feedback
 * from Pairwise or K-wise Comparisons" (2023).
 */
import { softplus } from "./logistic.ts";
import { tiedFirst } from "./tied-first.ts";

/**
 * Negative log-likelihood of a known order given scores, in nats: 0 or more, finite for finite scores. Without ties it is the
 * sum over ranks of logsumexp(scores from this rank on) - score. For tied responses the probabilities of all their orders are
 * added. Convex in the scores, and unchanged by adding a constant to all of them.
 *
 * @param scores one per response; finite
 * @param grades one per response; higher is better, equal grades are tied, undefined ones are ignored
 */
export function rankingLoss(scores: ArrayLike<number>, grades: readonly (number | undefined)[]): number {
  return sumOverBuckets(scores, grades, undefined);
}

/** {@link rankingLoss}; adds the derivative by each score to `gradient`. */
export function rankingLossGradient(
  scores: ArrayLike<number>,
  grades: readonly (number | undefined)[],
  gradient: Float64Array,
): number {
  return sumOverBuckets(scores, grades, gradient);
}

function sumOverBuckets(
  scores: ArrayLike<number>,
  grades: readonly (number | undefined)[],
  gradient: Float64Array | undefined,
): number {
  if (grades.length === 2) return lossOfPair(scores, grades, gradient);
  const buckets = bucketsOf(grades);
  const behind: number[] = [];
  /** logsumexp of the scores of `behind`. */
  let rest = Number.NEGATIVE_INFINITY;
  let loss = 0;
  // From the worst bucket to the best, so `rest` accumulates the scores of all worse responses.
  for (const bucket of buckets) {
    const tied = bucket.map((index) => scores[index] as number);
    if (behind.length > 0) {
      const slopes = gradient === undefined ? undefined : new Float64Array(tied.length);
      loss += tiedFirst(tied, rest, slopes);
      if (gradient !== undefined && slopes !== undefined) {
        // Adding a constant to all scores changes nothing, so the derivative by `rest` is minus the sum of the others.
        let byRest = 0;
        bucket.forEach((index, i) => {
          const slope = slopes[i] as number;
          gradient[index] = (gradient[index] as number) + slope;
          byRest -= slope;
        });
        for (const index of behind) {
          const part = Math.exp((scores[index] as number) - rest);
          gradient[index] = (gradient[index] as number) + byRest * part;
        }
      }
    }
    for (const score of tied) rest = logAddExp(rest, score);
    behind.push(...bucket);
  }
  return loss;
}

/** What {@link sumOverBuckets} computes for two responses, without its lists: most preference data has millions of pairs. */
function lossOfPair(
  scores: ArrayLike<number>,
  [first, second]: readonly (number | undefined)[],
  gradient: Float64Array | undefined,
): number {
  if (first === undefined || second === undefined || first === second) return 0;
  const [better, worse] = first > second ? [0, 1] : [1, 0];
  const lead = (scores[better] as number) - (scores[worse] as number);
  if (gradient !== undefined) {
    const slope = 1 / (1 + Math.exp(lead));
    gradient[better] = (gradient[better] as number) - slope;
    gradient[worse] = (gradient[worse] as number) + slope;
  }
  return softplus(-lead);
}

/** Groups indices by grade, worst grade first. */
function bucketsOf(grades: readonly (number | undefined)[]): number[][] {
  const byGrade = new Map<number, number[]>();
  for (const [index, grade] of grades.entries()) {
    if (grade === undefined) continue;
    const bucket = byGrade.get(grade);
    if (bucket === undefined) byGrade.set(grade, [index]);
    else bucket.push(index);
  }
  return [...byGrade].sort(([a], [b]) => a - b).map(([, bucket]) => bucket);
}

/** log(exp(a) + exp(b)). */
function logAddExp(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(-Math.abs(a - b)));
}
