/**
 * The K-wise likelihood that the model was trained with: Plackett-Luce over the responses to a prompt, which is
 * Bradley-Terry for two. R. L. Plackett, "The Analysis of Permutations" (1975); the K-wise loss is Zhu et al.,
 * "Principled Reinforcement Learning with Human Feedback from Pairwise or K-wise Comparisons" (2023).
 */
import { tiedFirst } from "./tied-first.ts";

/**
 * The negative log-likelihood of a known order under scores, in nats: 0 or more, finite for finite scores. With all grades
 * different it is the sum over places of logsumexp(scores of this place and all behind) - score. Of tied responses any
 * order may be the true one, so that their probabilities are added up. It is convex in the scores, and does not change
 * when a number is added to all of them.
 *
 * @param scores finite; one for each response
 * @param grades of the same responses; higher is better, equal ones are tied, an undefined one takes no part
 */
export function rankingLoss(scores: ArrayLike<number>, grades: readonly (number | undefined)[]): number {
  return sumOverBuckets(scores, grades, undefined);
}

/**
 * {@link rankingLoss}, with its derivatives.
 *
 * @param gradient the derivative by each score is added to it
 */
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
  const buckets = bucketsOf(grades);
  const behind: number[] = [];
  /** logsumexp of the scores of `behind`. */
  let rest = Number.NEGATIVE_INFINITY;
  let loss = 0;
  // From the worst bucket to the best, so that `rest` only ever grows.
  for (const bucket of buckets) {
    const own = bucket.map((index) => scores[index] as number);
    if (behind.length > 0) {
      const slopes = gradient === undefined ? undefined : new Float64Array(own.length);
      loss += tiedFirst(own, rest, slopes);
      if (gradient !== undefined && slopes !== undefined) {
        // What is added to all scores changes nothing: the derivative by `rest` is the others' sum with another sign.
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
    for (const score of own) rest = logAddExp(rest, score);
    behind.push(...bucket);
  }
  return loss;
}

/** Indices of responses with the same grade together, the worst first. */
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
