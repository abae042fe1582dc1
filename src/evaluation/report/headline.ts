/** The score by which a benchmark is known: its own official one, or accuracy. */
import { mean } from "../measures/accuracy.ts";
import type { Interval } from "../measures/interval.ts";
import type { BenchmarkReport } from "../report.ts";

/** A benchmark's own score. */
export interface Headline {
  /** What it is called. */
  readonly name: string;
  /** 0 to 1; undefined where parts are missing. */
  readonly score: number | undefined;
  /** Of `score`; undefined also in reports of older versions. */
  readonly interval: Interval | undefined;
  /** Score of a random choice; undefined if unknown. */
  readonly atRandom: number | undefined;
}

/** Accuracy of random scores: every comparison is of two responses, also where a case has four. */
export const ACCURACY_AT_RANDOM = 0.5;

const NAMES = { rewardbench: "RewardBench score", rmbench: "RM-Bench score", ppe: "PPE correctness" };

/** Undefined for benchmarks whose score is accuracy. */
export function officialHeadline({ officialScore: official }: BenchmarkReport): Headline | undefined {
  if (official === undefined) return undefined;
  const { score, interval } = official;
  if (official.kind !== "rewardbench2")
    return { name: NAMES[official.kind], score, interval, atRandom: ACCURACY_AT_RANDOM };
  // "Ties" is one subset of six; its own chance is lower.
  const { subsets, unknownSubsets } = official;
  const known = subsets.flatMap(({ subset, atRandom }) => (unknownSubsets.includes(subset) ? [] : (atRandom ?? [])));
  return { name: "RewardBench 2 score", score, interval, atRandom: known.length === 0 ? undefined : mean(known) };
}
