/** How far two models' scores of the same cases agree; pure. */
import type { ScoredCase } from "./case.ts";
import { mean } from "./measures/accuracy.ts";
import { kendallTauB } from "./measures/correlation.ts";
import { bootstrapInterval, type Interval, quantile } from "./measures/interval.ts";
import { isRight } from "./measures/outcome.ts";

export interface Agreement {
  readonly cases: number;
  readonly responses: number;
  /** Of every two responses of a case, whether or not their true order is known. */
  readonly order: OrderAgreement;
  /** How often the best-scored response is the same one, 0 to 1; absent without cases. */
  readonly sameBest?: number;
  /** Mean over cases of Kendall's tau-b between the two models' scores, -1 to 1; absent where it is nowhere defined. */
  readonly kendall?: number;
  /** Second model's score less the first one's, over all responses. */
  readonly scores?: Differences;
  /**
   * Second model's margin less the first one's, over every two responses of a case: scores of different prompts may drift
   * without any harm, these may not.
   */
  readonly margins?: Differences;
  /** Comparisons of known order that one model gets right and the other one wrong. */
  readonly onlyFirstRight: number;
  readonly onlySecondRight: number;
}

export interface OrderAgreement {
  readonly pairs: number;
  /** Pairs that both models put in the same order; a tie agrees with a tie alone. */
  readonly same: number;
  /** Mean over cases of the part of a case's pairs that is in the same order, 0 to 1; absent without pairs. */
  readonly agreement?: number;
  /** Of `agreement`, at 95 %: bootstrap over cases. */
  readonly interval?: Interval;
}

/** Absolute values, but for `mean`. */
export interface Differences {
  readonly max: number;
  readonly median: number;
  /** With its sign: a drift in one direction. */
  readonly mean: number;
}

/**
 * @param first scored cases of one model
 * @param second those of the other one: the same cases, in the same order
 * @param seed of the bootstrap
 */
export function measureAgreement(first: readonly ScoredCase[], second: readonly ScoredCase[], seed: number): Agreement {
  const scoreDifferences: number[] = [];
  const marginDifferences: number[] = [];
  const shares: number[] = [];
  let [pairs, same, sameBest, tau, taus, onlyFirstRight, onlySecondRight] = [0, 0, 0, 0, 0, 0, 0];
  for (const [at, a] of first.entries()) {
    const b = second[at] as ScoredCase;
    let [own, ownSame] = [0, 0];
    for (let i = 0; i < a.scores.length; i++) {
      scoreDifferences.push((b.scores[i] as number) - (a.scores[i] as number));
      for (let j = i + 1; j < a.scores.length; j++) {
        const marginA = (a.scores[i] as number) - (a.scores[j] as number);
        const marginB = (b.scores[i] as number) - (b.scores[j] as number);
        marginDifferences.push(marginB - marginA);
        own += 1;
        if (Math.sign(marginA) === Math.sign(marginB)) ownSame += 1;
      }
    }
    if (own > 0) shares.push(ownSame / own);
    pairs += own;
    same += ownSame;
    if (indexOfBest(a.scores) === indexOfBest(b.scores)) sameBest += 1;
    const ownTau = kendallTauB(a.scores, b.scores);
    if (ownTau !== undefined) {
      tau += ownTau;
      taus += 1;
    }
    for (const comparison of a.comparisons) {
      const [inFirst, inSecond] = [isRight(a, comparison), isRight(b, comparison)];
      if (inFirst && !inSecond) onlyFirstRight += 1;
      if (inSecond && !inFirst) onlySecondRight += 1;
    }
  }
  const interval = bootstrapInterval(shares, seed);
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
