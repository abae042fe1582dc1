/**
 * How much a weighted mean of differences varies from one sample of prompts to the next: the sum over prompts of squared residuals, each
 * prompt's from all parts, corrected part by part as {@link spreadOf} does. A part with few prompts says little about its own variance
 * (nothing, if it has one), so that of all parts together is mixed in ({@link PRIOR_DEGREES}). Pure.
 */
import { type ClusterSums, type Spread, spreadOf, sumsOf } from "./clusters.ts";
import { PromptNumbers } from "./outcome.ts";
import { type Part, PRIOR_DEGREES, sumsByPrompt } from "./weighted-mean.ts";

/** A weighted mean and how much it varies from one sample of prompts to the next. */
interface WeightedSpread extends Spread {
  readonly mean: number;
  /** As many cases of equal weight would vary as little, if they were independent. */
  readonly effectiveCases: number;
}

/** A single part has a spread of its own: `only`. Undefined without cases. */
export function weightedSpread(
  parts: readonly Part[],
): WeightedSpread | { readonly only: Iterable<ClusterSums> } | undefined {
  const known = parts.filter(({ values }) => values.length > 0);
  if (known.length === 0) return undefined;
  const numbers = new PromptNumbers();
  const strata = known.map((part, index) => stratumOf(part, index, numbers));
  const [only] = strata;
  if (only !== undefined && strata.length === 1) return { only: only.prompts.values() };
  const prompts = byPrompt(strata);
  // Not the sum of the weights, which rounding keeps from being 1, where all parts have one mean: 0 or 1.
  const isOne = strata.every((one) => one.mean === only?.mean);
  const mean = isOne ? (only?.mean ?? 0) : sumOver(strata, (one) => one.weight * one.mean);
  const effectiveCases = 1 / sumOver(strata, ({ weight, cases }) => (weight * weight) / cases);
  return { ...spreadOfParts(strata, prompts, mean), mean, effectiveCases };
}

/** A part of known values, with sums by prompt. */
interface Stratum {
  readonly index: number;
  readonly weight: number;
  readonly cases: number;
  readonly mean: number;
  readonly meanSquare: number;
  readonly prompts: ReadonlyMap<number, ClusterSums>;
  /** What the squares of its residuals are multiplied by, because they are from an estimated mean. */
  readonly correction: number;
  /** How much of its variance is estimated from its own residuals, 0 to 1. */
  readonly own: number;
}

function stratumOf({ weight, values }: Part, index: number, numbers: PromptNumbers): Stratum {
  const prompts = sumsByPrompt(values, numbers);
  const sums = sumsOf(prompts.values());
  const { cases, total, caseSquares } = sums;
  const { correction, degrees } = spreadOf(sums) ?? { correction: 1, degrees: 0 };
  const own = degrees / (degrees + PRIOR_DEGREES);
  return { index, weight, cases, mean: total / cases, meanSquare: caseSquares / cases, prompts, correction, own };
}

/** The cases of a prompt in a part. */
interface Cell {
  readonly of: Stratum;
  /** Their number. */
  readonly count: number;
  /** Of the part's cases, 0 to 1. */
  readonly share: number;
  /** Sum of their values, less the part's mean for each, divided by the part's cases. */
  readonly residual: number;
}

/** Cells by prompt. */
type Prompts = readonly (readonly Cell[])[];

function byPrompt(strata: readonly Stratum[]): Prompts {
  const prompts = new Map<number, Cell[]>();
  for (const of of strata)
    for (const [prompt, { sum, count }] of of.prompts) {
      const cell = { of, count, share: count / of.cases, residual: (sum - of.mean * count) / of.cases };
      if (!prompts.get(prompt)?.push(cell)) prompts.set(prompt, [cell]);
    }
  return [...prompts.values()];
}

function spreadOfParts(strata: readonly Stratum[], prompts: Prompts, mean: number): Spread {
  const correlation = commonCorrelation(strata, prompts);
  const corrected: Weight = ({ weight, own, correction }) => weight * Math.sqrt(own * correction);
  const measured = sumOver(prompts, (cells) => sumOver(cells, ({ of, residual }) => corrected(of) * residual) ** 2);
  const whole = modelVariance(prompts, ({ weight }) => weight, correlation);
  // What the residuals leave to the variance of all cases.
  const left = whole - modelVariance(prompts, ({ weight, own }) => weight * Math.sqrt(own), correlation);
  const { expected, trace } = momentsOf(strata.length, prompts, corrected, correlation);
  const ofAll = Math.max(0, sumOver(strata, (one) => one.weight * one.meanSquare) - mean * mean);
  return {
    variance: Math.max(measured + left * ofAll, LEAST_PART * whole * ofAll),
    degrees: Math.max(1, (expected + left) ** 2 / (trace + left ** 2 / Math.max(1, prompts.length - 1))),
  };
}

/**
 * Of the variance that all cases would have in every part: no less is believed. Parts of a few prompts that are all right by chance
 * beside one of a thousand would otherwise leave an interval without width.
 */
const LEAST_PART = 2 / 3;

type Weight = (stratum: Stratum) => number;

/** Of two cases of a prompt, in one part or in two. */
function commonCorrelation(strata: readonly Stratum[], prompts: Prompts): number {
  const cases = sumOver(strata, (one) => one.cases);
  const variance = sumOver(strata, (one) => one.cases * (one.meanSquare - one.mean ** 2)) / cases;
  const squares = sumOver(prompts, (cells) => sumOver(cells, ({ of, residual }) => residual * of.cases) ** 2);
  const pairs = sumOver(prompts, (cells) => sumOver(cells, ({ count }) => count) ** 2) - cases;
  return variance > 0 && pairs > 0 ? Math.min(1, Math.max(0, (squares / variance - cases) / pairs)) : 1;
}

/** The variance of the weighted mean, if that of each case were 1. */
function modelVariance(prompts: Prompts, weight: Weight, correlation: number): number {
  return sumOver(prompts, (cells) => {
    const alone = sumOver(cells, ({ of, share, count }) => (weight(of) * share) ** 2 / count);
    const together = sumOver(cells, ({ of, share }) => weight(of) * share) ** 2;
    return (1 - correlation) * alone + correlation * together;
  });
}

/**
 * The expected sum over prompts of squared weighted residuals, and the trace of the square of their covariances, if the variance of
 * each case were 1. A prompt's residual is 1'z - h'Z: z are its weighted sums in each part, Z those of all prompts, h its shares. So the
 * covariance of two prompts is h'Ch - c'h - h'c, with the covariances C of Z, and c of Z and the prompt's sum; and 1'c more on the
 * diagonal. The trace is that of products of small matrices: as many rows as there are parts, twice.
 */
function momentsOf(
  parts: number,
  prompts: Prompts,
  weight: Weight,
  correlation: number,
): { expected: number; trace: number } {
  const sums = matrix(parts);
  const rows = prompts.map((cells) => {
    const weighted = cells.map(({ of, share }) => weight(of) * share);
    const all = sumOver(weighted, (one) => one);
    const covariances = cells.map(({ of, count }, i) => {
      const [own, alone] = [weighted[i] as number, ((1 - correlation) * (weighted[i] as number) ** 2) / count];
      const row = sums[of.index] as Float64Array;
      row[of.index] = (row[of.index] as number) + alone;
      for (const [j, other] of cells.entries())
        row[other.of.index] = (row[other.of.index] as number) + correlation * own * (weighted[j] as number);
      return alone + correlation * own * all;
    });
    return { cells, covariances, variance: sumOver(covariances, (one) => one) };
  });
  const gram = matrix(2 * parts);
  let [expected, trace] = [0, 0];
  for (const { cells, covariances, variance } of rows) {
    let less = 0;
    for (const [i, { of, share }] of cells.entries()) {
      less -= 2 * share * (covariances[i] as number);
      for (const other of cells) less += share * other.share * (sums[of.index]?.[other.of.index] as number);
    }
    expected += variance + less;
    trace += variance * variance + 2 * variance * less;
    const vector = [
      ...cells.map(({ of, share }) => ({ at: of.index, value: share })),
      ...cells.map(({ of }, i) => ({ at: parts + of.index, value: covariances[i] as number })),
    ];
    for (const one of vector) {
      const row = gram[one.at] as Float64Array;
      for (const other of vector) row[other.at] = (row[other.at] as number) + one.value * other.value;
    }
  }
  return { expected, trace: trace + traceOfSquare(gram, sums) };
}

/** Of G·M, where G is `gram` and M is [C, -1; -1, 0], with C = `sums`. */
function traceOfSquare(gram: readonly Float64Array[], sums: readonly Float64Array[]): number {
  const parts = sums.length;
  const product = gram.map((row) =>
    Float64Array.from(row, (_, k) =>
      k < parts
        ? sums.reduce((sum, other, j) => sum + (row[j] as number) * (other[k] as number), 0) -
          (row[parts + k] as number)
        : -(row[k - parts] as number),
    ),
  );
  return sumOver(product, (row, i) => row.reduce((sum, value, k) => sum + value * (product[k]?.[i] as number), 0));
}

function matrix(size: number): Float64Array[] {
  return Array.from({ length: size }, () => new Float64Array(size));
}

function sumOver<Item>(items: readonly Item[], value: (item: Item, index: number) => number): number {
  let sum = 0;
  for (const [i, item] of items.entries()) sum += value(item, i);
  return sum;
}
