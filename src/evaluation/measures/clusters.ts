/**
 * How much a mean over cases varies from one sample of prompts to the next. Cases of a prompt are right or wrong together, more or
 * less, so prompts are the draws. Pure.
 */

/** Sums over one prompt's cases. */
export interface ClusterSums {
  /** Of the cases' values, each 0 to 1, or -1 to 1 for differences. */
  readonly sum: number;
  /** Number of cases, 1 or more. */
  readonly count: number;
  /** Of the values' squares. Default `sum`: each value is 0 or 1. */
  readonly squares?: number;
}

/** All that the spread of a mean depends on: sums over prompts, of which each has a sum of values s and a count of cases n. */
export interface SumsOfClusters {
  readonly prompts: number;
  /** Of n. */
  readonly cases: number;
  /** Of s. */
  readonly total: number;
  /** Of the squares of all cases' values. */
  readonly caseSquares: number;
  /** Of s². */
  readonly squares: number;
  /** Of s²/n. */
  readonly ratios: number;
  /** Of s·n. */
  readonly products: number;
  /** Of n², n³, n⁴ and n⁵. */
  readonly countPowers: readonly [number, number, number, number];
  /** Of s⁴, s³n, s²n² and sn³. */
  readonly fourths: readonly [number, number, number, number];
}

export function sumsOf(clusters: Iterable<ClusterSums>): SumsOfClusters {
  let [prompts, cases, total, caseSquares, squares, ratios, products] = [0, 0, 0, 0, 0, 0, 0];
  const powers: [number, number, number, number] = [0, 0, 0, 0];
  const fourths: [number, number, number, number] = [0, 0, 0, 0];
  for (const { sum, count, squares: own = sum } of clusters) {
    const square = sum * sum;
    const counts = count * count;
    prompts += 1;
    cases += count;
    total += sum;
    caseSquares += own;
    squares += square;
    ratios += square / count;
    products += sum * count;
    powers[0] += counts;
    powers[1] += counts * count;
    powers[2] += counts * counts;
    powers[3] += counts * counts * count;
    fourths[0] += square * square;
    fourths[1] += square * sum * count;
    fourths[2] += square * counts;
    fourths[3] += sum * counts * count;
  }
  return { prompts, cases, total, caseSquares, squares, ratios, products, countPowers: powers, fourths };
}

/**
 * Prompts with one case each.
 *
 * @param sums of the values and of their second, third and fourth powers
 */
export function sumsOfSingles(prompts: number, sums: readonly [number, number, number, number]): SumsOfClusters {
  const [total, squares, cubes, fourthPowers] = sums;
  const same = { caseSquares: squares, squares, ratios: squares, products: total };
  const countPowers = [prompts, prompts, prompts, prompts] as const;
  return { prompts, cases: prompts, total, ...same, countPowers, fourths: [fourthPowers, cubes, squares, total] };
}

/** The variance of total / cases, and how well it is known. */
export interface Spread {
  readonly variance: number;
  /** Degrees of freedom, 1 or more; at most prompts - 1. */
  readonly degrees: number;
}

/** {@link Spread} with what the residuals' sum of squares was multiplied by. */
export interface CorrectedSpread extends Spread {
  /** 1 or more: n / (n - 1) for n prompts with equally many cases. */
  readonly correction: number;
}

/** The model's variance counts as much as one measured with so many degrees of freedom, at most. */
const MODEL_DEGREES = 8;

/**
 * The mean of two estimates of the variance, weighted by their degrees of freedom (as G. K. Smyth, 2004, moderates variances).
 *
 * One is the residuals' sum of squares, corrected for its bias, with F. E. Satterthwaite's degrees of freedom, as R. M. Bell and D. F.
 * McCaffrey (2002) do for clusters of unequal size: a few large prompts count as few draws. Where a few prompts have all of the residuals,
 * as those that are wrong have near an accuracy of 1, their number is that of the draws: degrees are no more than the residuals' fourth
 * powers say.
 *
 * The other follows from the correlation of a prompt's cases and the prompts' sizes: a small prompt that is wrong shows that a large
 * one can be wrong, too. Its degrees come from the error of the correlation. Prompts of one size have no use for it.
 *
 * @returns undefined for fewer than two prompts
 */
export function spreadOf(sums: SumsOfClusters): CorrectedSpread | undefined {
  const { prompts, cases, total, caseSquares } = sums;
  if (prompts < 2) return undefined;
  const correlation = correlationOf([sums]);
  const measured = measuredSpread(sums, correlation);
  // Then the residuals know all that the correlation does.
  const alike = prompts * sums.countPowers[0] - cases * cases <= SMALLEST_SHARE * cases * cases;
  if (alike) return { ...measured, degrees: prompts - 1 };
  const valueVariance = Math.max(0, caseSquares / cases - (total / cases) ** 2);
  const modelled = (prompts / (prompts - 1)) * valueVariance * unitVariance(sums, correlation);
  const most = Math.min(MODEL_DEGREES, prompts - 1);
  const degrees = measured.degrees > 0 ? Math.min(most, degreesOfModel(sums, correlation)) : most;
  const together = measured.degrees + degrees;
  return {
    correction: measured.correction,
    variance: (measured.degrees * measured.variance + degrees * modelled) / together,
    degrees: Math.max(1, Math.min(prompts - 1, together)),
  };
}

/** What rounding leaves of sums that cancel. */
const SMALLEST_SHARE = 1e-12;

/** Of the residuals alone. Their covariances, and so the correction and the degrees, depend on the correlation (G. W. Imbens and M. Kolesár, 2016). */
function measuredSpread(sums: SumsOfClusters, correlation: number): CorrectedSpread {
  const { prompts, cases, total, squares, products, countPowers, fourths } = sums;
  const mean = total / cases;
  const residuals = Math.max(0, squares - 2 * mean * products + mean * mean * countPowers[0]);
  // A prompt with the share w of all cases has a sum whose variance is in proportion to v = a·w + b·w².
  const [a, b] = [(1 - correlation) / cases, correlation];
  const [w2, w3, w4, w5] = countPowers.map((power, i) => power / cases ** (i + 2)) as [number, number, number, number];
  const v = a + b * w2;
  const vw = a * w2 + b * w3;
  const vww = a * w3 + b * w4;
  const vv = a * a * w2 + 2 * a * b * w3 + b * b * w4;
  const vvw = a * a * w3 + 2 * a * b * w4 + b * b * w5;
  // Residuals are sums less their share of the total: the expected sum of their squares, and the trace of their covariances' square.
  const expected = v - 2 * vw + w2 * v;
  const trace = vv + 2 * vw * vw + v * v * w2 * w2 - 4 * vvw + 2 * v * vww + 2 * w2 * vv - 4 * v * w2 * vw;
  const powers =
    fourths[0] -
    4 * mean * fourths[1] +
    6 * mean ** 2 * fourths[2] -
    4 * mean ** 3 * fourths[3] +
    mean ** 4 * countPowers[2];
  const excess = powers - residuals ** 2 / prompts;
  const few = excess > 0 ? (2 * residuals ** 2) / excess : Number.POSITIVE_INFINITY;
  // Prompts that agree by chance say nothing of how much they vary.
  const varies = residuals > SMALLEST_SHARE * Math.max(squares, mean * mean * countPowers[0]);
  const correction = v / expected;
  return {
    correction,
    variance: (correction * residuals) / (cases * cases),
    degrees: varies ? Math.max(1, Math.min((expected * expected) / trace, few)) : 0,
  };
}

/**
 * Of two cases of a prompt, 0 to 1, from the squares between and within prompts (R. A. Fisher's analysis of variance, for prompts of
 * unequal size); 1 where nothing varies or every prompt has one case.
 *
 * @param parts each with a mean of its own
 */
export function correlationOf(parts: readonly SumsOfClusters[]): number {
  let [between, within, prompts, size, cases] = [0, 0, 0, 0, 0];
  for (const part of parts) {
    between += Math.max(0, part.ratios - part.total ** 2 / part.cases);
    within += Math.max(0, part.caseSquares - part.ratios);
    prompts += part.prompts - 1;
    cases += part.cases - part.prompts;
    size += part.cases - part.countPowers[0] / part.cases;
  }
  if (cases === 0 || prompts === 0) return 1;
  const [one, other, each] = [between / prompts, within / cases, size / prompts];
  const all = one + (each - 1) * other;
  return all > 0 ? Math.min(1, Math.max(0, (one - other) / all)) : 1;
}

/** The variance of the mean, if that of each case were 1. */
export function unitVariance({ cases, countPowers }: SumsOfClusters, correlation: number): number {
  return (1 - correlation) / cases + (correlation * countPowers[0]) / cases ** 2;
}

/** Of {@link unitVariance}, by the variance of the estimated correlation (L. A. Swiger et al., 1964). */
function degreesOfModel(sums: SumsOfClusters, correlation: number): number {
  const { prompts, cases, countPowers } = sums;
  const size = (cases - countPowers[0] / cases) / (prompts - 1);
  const error =
    (2 * (cases - 1) * ((1 - correlation) * (1 + (size - 1) * correlation)) ** 2) /
    (size ** 2 * (cases - prompts) * (prompts - 1));
  const slope = countPowers[0] / cases ** 2 - 1 / cases;
  const variance = slope ** 2 * error;
  return variance > 0 && cases > prompts
    ? (2 * unitVariance(sums, correlation) ** 2) / variance
    : Number.POSITIVE_INFINITY;
}

/** So many of a prompt's cases say as much as one prompt: 1 if cases are independent. */
export function casesOfDraw(sums: SumsOfClusters): number {
  return sums.cases * unitVariance(sums, correlationOf([sums]));
}

/** As many prompts of equal size would vary as little, where all values of a prompt are equal. */
export function effectivePrompts({ cases, countPowers }: SumsOfClusters): number {
  return (cases * cases) / countPowers[0];
}
