/**
 * The interval of an official score: a weighted mean of means, each over the cases of a part (a section, a subset, a domain).
 * Parts may have prompts in common, so a prompt is one observation of the whole weighted mean, not of each part. Pure.
 */
import { type ClusterSums, correlationOf, type SumsOfClusters, spreadOf, sumsOf, unitVariance } from "./clusters.ts";
import { NORMAL_QUANTILE, studentQuantile } from "./distributions.ts";
import { INTERVAL_LEVEL, type Interval, intervalOfSums } from "./interval.ts";
import { PromptNumbers } from "./outcome.ts";
import { meanOf, type Proportion, scoreEnds } from "./score-ends.ts";

/** A part of a weighted mean. */
export interface Part {
  /** Of its mean. All weights together are 1. */
  readonly weight: number;
  /** One for each case. */
  readonly values: readonly PromptValue[];
}

/** An official score as a weighted mean. */
export interface ScoreParts {
  /** Their weights add up to 1. */
  readonly parts: readonly Part[];
  /** Added to their mean, and taken as known: the term of RewardBench 2's Ties score that only breaks ties between models. */
  readonly known: number;
}

export interface PromptValue {
  /** Cases of one prompt are right or wrong together; undefined: a prompt of its own. */
  readonly prompt?: string | undefined;
  /** 0 to 1; of a difference -1 to 1. */
  readonly value: number;
}

/**
 * The score interval of a weighted mean ({@link scoreEnds}), with as many independent tries of each part as its mean varies like
 * between prompts. A part with few prompts says little about how alike a prompt's cases are (nothing, if all are right), so what all
 * parts together say is mixed in ({@link PRIOR_DEGREES}). Prompts that are in several parts add the covariance of these.
 * `test/unit/evaluation/measures/coverage.test.ts` shows what it covers.
 *
 * @returns undefined without cases
 */
export function intervalOfParts(parts: readonly Part[]): Interval | undefined {
  const known = parts.filter(({ values }) => values.length > 0);
  if (known.length === 0) return undefined;
  const numbers = new PromptNumbers();
  const strata = known.map((part) => stratumOf(part, numbers));
  const [only] = strata;
  if (only !== undefined && strata.length === 1) return intervalOfSums(only.sums);
  const unit = unitOf(strata);
  const proportions = strata.map((one) => proportionOf(one, unit));
  const ends = scoreEnds(proportions, quantileOf(proportions), covarianceOf(strata));
  return { method: "weighted-wilson", level: INTERVAL_LEVEL, ...ends };
}

/** A part of known values, with sums by prompt. */
interface Stratum {
  readonly weight: number;
  readonly share: number;
  readonly prompts: ReadonlyMap<number, ClusterSums>;
  readonly sums: SumsOfClusters;
  /** Each prompt has one case, which is right or wrong: the variance follows from the mean. */
  readonly binary: boolean;
}

function stratumOf({ weight, values }: Part, numbers: PromptNumbers): Stratum {
  const prompts = sumsByPrompt(values, numbers);
  const sums = sumsOf(prompts.values());
  const binary = prompts.size === values.length && values.every(({ value }) => value === 0 || value === 1);
  return { weight, share: sums.total / sums.cases, prompts, sums, binary };
}

/** A part's sums by the number of the prompt, which is the same in all parts. */
export function sumsByPrompt(values: Part["values"], numbers: PromptNumbers): ReadonlyMap<number, ClusterSums> {
  const prompts = new Map<number, { sum: number; count: number; squares: number }>();
  for (const { prompt, value } of values) {
    const number = numbers.of(prompt === undefined ? {} : { prompt });
    const same = prompts.get(number) ?? { sum: 0, count: 0, squares: 0 };
    prompts.set(number, same);
    same.sum += value;
    same.count += 1;
    same.squares += value * value;
  }
  return prompts;
}

/** What all parts together say about the variance of a part's cases. */
interface Unit {
  /** Of two cases of a prompt. */
  readonly correlation: number;
  /** The variance of a case, relative to that of one that is right or wrong and has the same mean; 1 or less. */
  readonly variance: number;
}

function unitOf(strata: readonly Stratum[]): Unit {
  const mean = meanOf(strata);
  let [found, most] = [0, 0];
  for (const { weight, share, sums } of strata) {
    // A part of one case has no variance around its own mean.
    const centre = (sums.cases * share + PRIOR_DEGREES * mean) / (sums.cases + PRIOR_DEGREES);
    found += weight * (sums.caseSquares / sums.cases - 2 * centre * share + centre ** 2);
    most += weight * (share - 2 * centre * share + centre ** 2);
  }
  return {
    correlation: correlationOf(strata.map(({ sums }) => sums)),
    variance: most > 0 && found > 0 ? found / most : 1,
  };
}

/** A part's own variance and that of all parts together are mixed as if the latter had been measured with so many degrees of freedom. */
export const PRIOR_DEGREES = 4;

interface Measured extends Proportion {
  /** Degrees of freedom of its variance. */
  readonly degrees: number;
}

function proportionOf({ weight, share, sums, binary }: Stratum, unit: Unit): Measured {
  if (binary) return { weight, share, tries: sums.cases, degrees: Number.POSITIVE_INFINITY };
  const modelled = unit.variance * unitVariance(sums, unit.correlation);
  const spread = spreadOf(sums);
  const most = share * (1 - share);
  const [own, degrees] = spread === undefined || !(most > 0) ? [0, 0] : [spread.variance / most, spread.degrees];
  const together = degrees + PRIOR_DEGREES;
  return { weight, share, tries: together / (degrees * own + PRIOR_DEGREES * modelled), degrees: together };
}

/** Student's, with F. E. Satterthwaite's degrees of freedom. */
function quantileOf(proportions: readonly Measured[]): number {
  let [all, squares] = [0, 0];
  for (const { weight, tries, degrees } of proportions) {
    all += weight ** 2 / tries;
    squares += (weight ** 2 / tries) ** 2 / degrees;
  }
  return squares > 0 ? studentQuantile(Math.max(1, all ** 2 / squares)) : NORMAL_QUANTILE;
}

/**
 * Of the parts' means, by prompts that they have in common: the correlation of one prompt's cases in two parts is taken to be the same
 * for all parts.
 */
function covarianceOf(strata: readonly Stratum[]): (deviations: readonly number[]) => number {
  let [found, most] = [0, 0];
  const common: { readonly i: number; readonly j: number; readonly share: number }[] = [];
  for (const [j, two] of strata.entries())
    for (const [i, one] of strata.slice(0, j).entries()) {
      const scale = (one.weight * two.weight) / (one.sums.cases * two.sums.cases);
      let [products, counts] = [0, 0];
      for (const [prompt, { sum, count }] of two.prompts) {
        const same = one.prompts.get(prompt);
        if (same === undefined) continue;
        products += (sum - two.share * count) * (same.sum - one.share * same.count);
        counts += count * same.count;
      }
      if (counts === 0) continue;
      found += scale * products;
      most += scale * counts * Math.sqrt(one.share * (1 - one.share) * two.share * (1 - two.share));
      common.push({ i, j, share: scale * counts });
    }
  // Parts that are all right say nothing: then their prompts are right together.
  const correlation = most > 0 ? Math.min(1, Math.max(0, found / most)) : 1;
  return (deviations) =>
    common.reduce(
      (sum, { i, j, share }) => sum + 2 * correlation * share * (deviations[i] as number) * (deviations[j] as number),
      0,
    );
}
