/** Agreement of two models' scores for the same cases. Pure. */
import type { ScoredCase } from "../case.ts";
import { mean, PromptSums } from "./accuracy.ts";
import { kendallTauB } from "./correlation.ts";
import { clusteredInterval, type Interval, quantile } from "./interval.ts";
import { isRight } from "./outcome.ts";
import { measurePaired, type PairedDifference } from "./paired.ts";

/** How far two models agree on the same cases. */
export interface Agreement {
  /** Cases that both models scored. */
  readonly cases: number;
  /** Responses in them. */
  readonly responses: number;
  /** Over all pairs of responses to a prompt, whether or not their true order is known. */
  readonly order: OrderAgreement;
  /** How often both models score the same response highest, 0 to 1; absent without cases. */
  readonly sameBest?: number;
  /** Mean over cases of Kendall's tau-b between the two models' scores, -1 to 1; absent if no case defines it. */
  readonly kendall?: number;
  /** Second model's score minus the first's, over all responses. */
  readonly scores?: Differences;
  /**
   * Second model's margin minus the first's, over all pairs of responses to a prompt. A drift of scores common to all
   * responses of a prompt is harmless; a change of margins is not.
   */
  readonly margins?: Differences;
  /** Comparisons of known order that only one of the models gets right. */
  readonly onlyFirstRight: number;
  /** Comparisons of known order that only the second model gets right. */
  readonly onlySecondRight: number;
  /** The second model's accuracy minus the first's; absent without comparisons of known order. */
  readonly accuracyDifference?: PairedDifference;
}

/** How often two models put two responses in the same order. */
export interface OrderAgreement {
  /** Pairs of responses to a prompt. */
  readonly pairs: number;
  /** Pairs that both models order alike; a tie agrees only with a tie. */
  readonly same: number;
  /** Mean over cases of the fraction of pairs ordered alike, 0 to 1; absent without pairs. */
  readonly agreement?: number;
  /** 95 % interval of `agreement`; the unit is the prompt. */
  readonly interval?: Interval;
}

/** `max` and `median` are of absolute differences. */
export interface Differences {
  /** Largest absolute difference. */
  readonly max: number;
  /** Median absolute difference. */
  readonly median: number;
  /** Signed: shows a drift in one direction. */
  readonly mean: number;
}

/**
 * @param first scored cases of one model
 * @param second the same cases scored by the other model, in the same order
 */
export function measureAgreement(first: readonly ScoredCase[], second: readonly ScoredCase[]): Agreement {
  const scoreDifferences: number[] = [];
  const marginDifferences: number[] = [];
  const shares: number[] = [];
  const prompts = new PromptSums();
  let [pairs, same, sameBest, tau, taus, onlyFirstRight, onlySecondRight] = [0, 0, 0, 0, 0, 0, 0];
  for (const [at, a] of first.entries()) {
    const b = second[at] as ScoredCase;
    let [casePairs, caseSame] = [0, 0];
    for (let i = 0; i < a.scores.length; i++) {
      scoreDifferences.push((b.scores[i] as number) - (a.scores[i] as number));
      for (let j = i + 1; j < a.scores.length; j++) {
        const marginA = (a.scores[i] as number) - (a.scores[j] as number);
        const marginB = (b.scores[i] as number) - (b.scores[j] as number);
        marginDifferences.push(marginB - marginA);
        casePairs += 1;
        if (Math.sign(marginA) === Math.sign(marginB)) caseSame += 1;
      }
    }
    if (casePairs > 0) {
      shares.push(caseSame / casePairs);
      prompts.add(a, caseSame / casePairs);
    }
    pairs += casePairs;
    same += caseSame;
    if (indexOfBest(a.scores) === indexOfBest(b.scores)) sameBest += 1;
    const caseTau = kendallTauB(a.scores, b.scores);
    if (caseTau !== undefined) {
      tau += caseTau;
      taus += 1;
    }
    for (const comparison of a.comparisons) {
      const [inFirst, inSecond] = [isRight(a, comparison), isRight(b, comparison)];
      if (inFirst && !inSecond) onlyFirstRight += 1;
      if (inSecond && !inFirst) onlySecondRight += 1;
    }
  }
  const interval = clusteredInterval(prompts.values());
  const accuracyDifference = measurePaired(first, second);
  const scores = differences(scoreDifferences);
  const margins = differences(marginDifferences);
  return {
    cases: first.length,
    responses: scoreDifferences.length,
    order: {
      pairs,
      same,
      ...(shares.length > 0 ? { agreement: mean(shares) } : {}),
      ...(interval && { interval }),
    },
    ...(first.length > 0 ? { sameBest: sameBest / first.length } : {}),
    ...(taus > 0 ? { kendall: tau / taus } : {}),
    ...(scores && { scores }),
    ...(margins && { margins }),
    onlyFirstRight,
    onlySecondRight,
    ...(accuracyDifference && { accuracyDifference }),
  };
}

function differences(values: readonly number[]): Differences | undefined {
  if (values.length === 0) return undefined;
  const sizes = Float64Array.from(values, Math.abs).sort();
  return { max: sizes[sizes.length - 1] as number, median: quantile(sizes, 0.5), mean: mean(values) };
}

function indexOfBest(scores: readonly number[]): number {
  let best = 0;
  for (const [i, score] of scores.entries()) if (score > (scores[best] as number)) best = i;
  return best;
}
