/** The difference of two models' official scores on the same cases. Pure. */
import type { BenchmarkName, ScoredCase } from "../case.ts";
import { studentQuantile } from "./distributions.ts";
import { INTERVAL_LEVEL, type Interval, pairedInterval } from "./interval.ts";
import { scorePartsOf } from "./measure.ts";
import type { Part } from "./weighted-mean.ts";
import { weightedSpread } from "./weighted-spread.ts";

/** The second model's official score minus the first's. */
export interface ScoreDifference {
  /** -1 to 1, by up to 0.002 more for RewardBench 2; above 0 the second model's score is higher. */
  readonly difference: number;
  /** At 95 %; the unit is the prompt, also where parts of the score have prompts in common. */
  readonly interval: Interval;
}

/** Undefined where the benchmark has no score of its own, or parts of it are missing. @param second the same cases, in the same order */
export function measureScoreDifference(
  benchmark: BenchmarkName,
  first: readonly ScoredCase[],
  second: readonly ScoredCase[],
): ScoreDifference | undefined {
  const [a, b] = [scorePartsOf(benchmark, first), scorePartsOf(benchmark, second)];
  if (a === undefined || b === undefined) return undefined;
  const parts = a.parts.map(({ weight, values }, k) => ({
    weight,
    values: values.map(({ prompt, value }, i) => ({ prompt, value: (b.parts[k]?.values[i]?.value ?? 0) - value })),
  }));
  const interval = pairedIntervalOfParts(parts);
  if (interval === undefined) return undefined;
  const known = b.known - a.known;
  const difference = parts.reduce(
    (sum, { weight, values }) => sum + (weight * values.reduce((own, { value }) => own + value, 0)) / values.length,
    known,
  );
  return { difference, interval: { ...interval, low: interval.low + known, high: interval.high + known } };
}

/**
 * The interval of a weighted mean of differences. As in {@link pairedInterval}, two prompts of one case are added that speak for one
 * side each, with half of their weight: here among as many cases as would weigh the same. With one part it is that interval.
 *
 * @param parts values are differences, -1 to 1
 * @returns undefined without cases
 */
export function pairedIntervalOfParts(parts: readonly Part[]): Interval | undefined {
  const spread = weightedSpread(parts);
  if (spread === undefined) return undefined;
  if ("only" in spread) return pairedInterval(spread.only);
  const { mean, variance, degrees, effectiveCases } = spread;
  const cases = effectiveCases + 2;
  const centre = (effectiveCases * mean) / cases;
  const added = 1 + 2 * centre ** 2 + effectiveCases * (mean - centre) ** 2;
  const half = (studentQuantile(degrees + 2) * Math.sqrt(variance * effectiveCases ** 2 + added)) / cases;
  return {
    method: "paired",
    level: INTERVAL_LEVEL,
    low: Math.max(-1, centre - half),
    high: Math.min(1, centre + half),
  };
}
