/** All measures of one benchmark. */
import { InvalidInputError } from "../../errors.ts";
import type { BenchmarkName, ScoredCase } from "../case.ts";
import { type AccuracyMeasures, measureAccuracy, measureSubsets, type SubsetMeasures } from "./accuracy.ts";
import { type BestOfNCurve, measureBestOfN } from "./best-of-n.ts";
import { type Breakdown, measureBreakdown } from "./breakdown.ts";
import { type CalibrationMeasures, measureCalibration, type StoredCalibrationLoss } from "./calibration.ts";
import { type ConsistencyMeasures, measureConsistency } from "./consistency.ts";
import { type LengthMeasures, measureLength } from "./length.ts";
import { type MarginMeasures, measureMargins } from "./margins.ts";
import { listPairs, type PairLists } from "./outcome.ts";
import { calibratedLogLoss, ordersOf, type PairCalibration } from "./pair-calibration.ts";
import { type PpeScore, ppeParts, scorePpe } from "./ppe.ts";
import { measureRanking, type RankingMeasures } from "./ranking.ts";
import { type RewardBenchScore, rewardBenchParts, scoreRewardBench } from "./reward-bench.ts";
import { type RewardBench2Score, rewardBench2Parts, scoreRewardBench2 } from "./reward-bench-2.ts";
import { type RmBenchScore, rmBenchParts, scoreRmBench } from "./rm-bench.ts";
import { measureScores, type ScoreDistribution } from "./score-distribution.ts";
import { type Battles, measureStrengths, readBattles, type StrengthMeasures } from "./strengths.ts";
import type { ScoreParts } from "./weighted-mean.ts";

export type { Interval } from "./interval.ts";

/** All numbers are finite: an undefined measure is absent, because JSON has no NaN. */
export interface BenchmarkMeasures extends AccuracyMeasures {
  /**
   * Accuracy by another reading of the rows, with responses that the data set repeats counted as often as they are there. Absent
   * where it repeats none; only truth.
   */
  readonly asPublished?: AccuracyMeasures;
  /** Accuracy by subset, sorted by name; absent if the data set has no subsets. */
  readonly subsets?: readonly SubsetMeasures[];
  /** Accuracy by the values of each field of the option `by`; absent without it. */
  readonly breakdowns?: readonly Breakdown[];
  /** Absent if no case has more than two distinct grades, and for benchmarks of pairs. */
  readonly ranking?: RankingMeasures;
  /** The benchmark's official score: rewardbench, rewardbench2, rmbench and ppe. */
  readonly officialScore?: OfficialScore;
  /** Expected grade of the response with the highest score among n. Absent if no case has three graded responses. */
  readonly bestOfN?: BestOfNCurve;
  /** The models that wrote the responses, by scores and by the data's own order. Absent if the rows do not name them. */
  readonly strengths?: StrengthMeasures;
  /** Whether comparisons keep their order over paraphrases of the prompt; absent without the option `paraphrases`. */
  readonly consistency?: ConsistencyMeasures;
  /** Scores of better and worse responses; absent without comparisons. */
  readonly scores?: ScoreDistribution;
  /** Absent without comparisons. */
  readonly margins?: MarginMeasures;
  /** Absent without comparisons. */
  readonly calibration?: CalibrationMeasures;
  /** Absent without comparisons. */
  readonly length?: LengthMeasures;
}

/** A benchmark's own score, told apart by `kind`. */
export type OfficialScore = RewardBenchScore | RewardBench2Score | RmBenchScore | PpeScore;

/** Benchmarks whose grades can be averaged; ppe has curves of its own for each of its sets. */
const GRADED: ReadonlySet<BenchmarkName> = new Set(["nectar", "rewardbench2", "pairs"]);

/** Benchmarks whose cases are rankings of more than two responses. */
const RANKED: ReadonlySet<BenchmarkName> = new Set(["nectar", "pairs"]);

/**
 * @param stored the model's own calibration, whose log loss is reported beside the raw one
 * @throws InvalidInputError as {@link checkCases}
 */
export function measureBenchmark(
  benchmark: BenchmarkName,
  cases: readonly ScoredCase[],
  by: readonly string[] = [],
  stored?: PairCalibration,
): BenchmarkMeasures {
  checkCases(cases);
  const subsets = measureSubsets(cases);
  const asPublished = cases.some((scored) => scored.asPublished !== undefined)
    ? measureAccuracy(cases.map((scored) => ({ ...scored, comparisons: scored.asPublished ?? scored.comparisons })))
    : undefined;
  const ranking = RANKED.has(benchmark) ? measureRanking(cases) : undefined;
  const battles = readBattles(cases);
  const score = scoreOfficially(benchmark, cases, battles);
  const bestOfN = GRADED.has(benchmark) ? measureBestOfN(cases) : undefined;
  const strengths = measureStrengths(battles);
  const consistency = measureConsistency(cases);
  const pairs = listPairs(cases);
  const scores = measureScores(cases);
  const margins = measureMargins(pairs);
  const calibration = measureCalibration(pairs, stored && storedLoss(pairs, cases, stored));
  const length = measureLength(cases, pairs);
  return {
    ...measureAccuracy(cases),
    ...(asPublished && { asPublished }),
    ...(subsets && { subsets }),
    ...(by.length > 0 && { breakdowns: by.map((field) => measureBreakdown(cases, field)) }),
    ...(ranking && { ranking }),
    ...(score && { officialScore: score }),
    ...(bestOfN && { bestOfN }),
    ...(strengths && { strengths }),
    ...(consistency && { consistency }),
    ...(scores && { scores }),
    ...(margins && { margins }),
    ...(calibration && { calibration }),
    ...(length && { length }),
  };
}

function storedLoss(
  { margins }: PairLists,
  cases: readonly ScoredCase[],
  stored: PairCalibration,
): StoredCalibrationLoss | undefined {
  const logLoss = calibratedLogLoss({ margins, orders: ordersOf(cases) }, stored);
  return Number.isFinite(logLoss) ? { ...stored, logLoss } : undefined;
}

/** Undefined for benchmarks whose score is accuracy. @param battles of the cases, where they are known */
export function scoreOfficially(
  benchmark: BenchmarkName,
  cases: readonly ScoredCase[],
  battles?: Battles,
): OfficialScore | undefined {
  if (benchmark === "rewardbench") return scoreRewardBench(cases);
  if (benchmark === "rewardbench2") return scoreRewardBench2(cases);
  if (benchmark === "rmbench") return scoreRmBench(cases);
  return benchmark === "ppe" ? scorePpe(cases, battles) : undefined;
}

/** The official score as a weighted mean; undefined where it is absent. */
export function scorePartsOf(benchmark: BenchmarkName, cases: readonly ScoredCase[]): ScoreParts | undefined {
  if (benchmark === "rewardbench") return rewardBenchParts(cases);
  if (benchmark === "rewardbench2") return rewardBench2Parts(cases);
  if (benchmark === "rmbench") return rmBenchParts(cases);
  return benchmark === "ppe" ? ppeParts(cases) : undefined;
}

/**
 * @throws InvalidInputError ERR_INVALID_ARGUMENT for a case with lists of different lengths, a comparison of a response that
 *   does not exist, or a score that is not finite
 */
export function checkCases(cases: readonly ScoredCase[]): void {
  for (const scored of cases) checkCase(scored);
}

function checkCase({ source, row, comparisons, scores, ...lists }: ScoredCase): void {
  const count = scores.length;
  const fault =
    Object.entries({ grades: lists.grades, lengths: lists.lengths }).find(([, list]) => list.length !== count)?.[0] ??
    (scores.every(Number.isFinite) ? undefined : "scores") ??
    (comparisons.length > 0 &&
    [...comparisons, ...(lists.asPublished ?? [])].every(({ better, worse }) => has(count, better) && has(count, worse))
      ? undefined
      : "comparisons");
  if (fault === undefined) return;
  throw new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    `Row ${row} of source ${source} has invalid ${fault}: expected finite scores, one grade and one length per score, and ` +
      "one or more comparisons between existing responses.",
    { field: fault },
  );
}

function has(count: number, index: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < count;
}
