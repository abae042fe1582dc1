/** The comparison of evaluations: what `compare --json` prints of reports and the HTML page shows. */
import type { BenchmarkName } from "./case.ts";
import type { Flip } from "./measures/flips.ts";
import type { BenchmarkMeasures } from "./measures/measure.ts";
import type { PairedDifference } from "./measures/paired.ts";
import type { ScoreDifference } from "./measures/paired-score.ts";
import type { ReportedModel, ReportedSettings } from "./report.ts";

/** Two or more evaluations on the cases that all of them have. */
export interface RunsComparison {
  /** Of this object; it changes when a field changes its meaning. */
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  /** In the order of the option `reports`. Lists below have one entry per run, in this order. */
  readonly runs: readonly ComparedRun[];
  /** Benchmarks of all runs, in the order of the first run. */
  readonly benchmarks: readonly BenchmarkComparison[];
  /** Differences of data and settings that a reader must know. */
  readonly notices: readonly string[];
}

/** One of the evaluations. */
export interface ComparedRun {
  /** The path that was given. */
  readonly report: string;
  /** Its model. */
  readonly model: ReportedModel;
  /** How it computed and sampled. */
  readonly settings: ReportedSettings;
  /** Mean of the accuracies on the common cases, 0 to 1; absent if a benchmark has none. */
  readonly accuracy?: number;
}

/** One benchmark in several runs. */
export interface BenchmarkComparison {
  /** The benchmark. */
  readonly benchmark: BenchmarkName;
  /** Display name. */
  readonly title: string;
  /** Cases that every run has: all numbers are about them. */
  readonly common: number;
  /** Cases of each run. */
  readonly cases: readonly number[];
  /** Measures of each run on the common cases. */
  readonly measures: readonly Pick<
    BenchmarkMeasures,
    "accuracy" | "interval" | "prompts" | "comparisons" | "officialScore"
  >[];
  /** Each later run's accuracy minus the first run's. */
  readonly differences: readonly RunDifference[];
  /** Cases in which only one of two runs has more comparisons right, largest change of the margin first; only of two runs. */
  readonly flips?: readonly Flip[];
}

/** A run against the first one. */
export interface RunDifference extends Partial<PairedDifference> {
  /** Index of the run. */
  readonly run: number;
  /** Common cases in which the first run has more comparisons right. */
  readonly onlyFirstRight: number;
  /** Common cases in which this run has more comparisons right. */
  readonly onlyThisRight: number;
  /** The official score minus the first run's; absent where a benchmark has none, or parts of it are missing. */
  readonly officialScore?: ScoreDifference;
}
