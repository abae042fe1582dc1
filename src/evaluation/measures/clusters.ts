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
  /** Of s·n. */
  readonly products: number;
  /** Of n², n³, n⁴ and n⁵. */
  readonly countPowers: readonly [number, number, number, number];
}

export function sumsOf(clusters: Iterable<ClusterSums>): SumsOfClusters {
  let [prompts, cases, total, caseSquares, squares, products] = [0, 0, 0, 0, 0, 0];
  const powers: [number, number, number, number] = [0, 0, 0, 0];
  for (const { sum, count, squares: own = sum } of clusters) {
    prompts += 1;
    cases += count;
    total += sum;
    caseSquares += own;
    squares += sum * sum;
    products += sum * count;
    powers[0] += count ** 2;
    powers[1] += count ** 3;
    powers[2] += count ** 4;
    powers[3] += count ** 5;
  }
  return { prompts, cases, total, caseSquares, squares, products, countPowers: powers };
}

/** Prompts with one case each. */
export function sumsOfSingles(prompts: number, total: number, squares: number): SumsOfClusters {
  const countPowers = [prompts, prompts, prompts, prompts] as const;
  return { prompts, cases: prompts, total, caseSquares: squares, squares, products: total, countPowers };
}

/** The variance of total / cases, and how well it is known. */
export interface Spread {
  readonly variance: number;
  /** Degrees of freedom, 1 or more; prompts - 1 where all have equally many cases. */
  readonly degrees: number;
}

/** {@link Spread} with what the residuals' sum of squares was multiplied by. */
export interface CorrectedSpread extends Spread {
  /** 1 or more: n / (n - 1) for n prompts with equally many cases. */
  readonly correction: number;
}

/**
 * The residuals' sum of squares, corrected for its bias, with F. E. Satterthwaite's degrees of freedom, as R. M. Bell and D. F.
 * McCaffrey (2002) do for clusters of unequal size: a few large prompts count as few draws. Both depend on how alike a prompt's
 * cases are; their correlation is estimated (G. W. Imbens and M. Kolesár, 2016).
 *
 * @returns undefined for fewer than two prompts
 */
export function spreadOf(sums: SumsOfClusters): CorrectedSpread | undefined {
  const { prompts, cases, total, caseSquares, squares, products, countPowers } = sums;
  if (prompts < 2) return undefined;
  const mean = total / cases;
  const residuals = Math.max(0, squares - 2 * mean * products + mean * mean * countPowers[0]);
  const valueVariance = caseSquares / cases - mean * mean;
  const pairs = countPowers[0] - cases;
  const correlation = valueVariance > 0 && pairs > 0 ? clamp((residuals / valueVariance - cases) / pairs) : 1;
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
  const correction = v / expected;
  return {
    correction,
    variance: (correction * residuals) / (cases * cases),
    degrees: Math.max(1, (expected * expected) / trace),
  };
}

/** As many prompts of equal size would vary as little, where all values of a prompt are equal. */
export function effectivePrompts({ cases, countPowers }: SumsOfClusters): number {
  return (cases * cases) / countPowers[0];
}

function clamp(correlation: number): number {
  return Math.min(1, Math.max(0, correlation));
}
