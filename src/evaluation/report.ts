/**
 * The report of an evaluation: what `eval --json` prints and the HTML page shows. It contains no times or speeds, so a run
 * that is interrupted and resumed gives the same report.
 */
import type { BenchmarkName } from "./case.ts";
import { mean } from "./measures/accuracy.ts";
import type { BenchmarkMeasures } from "./measures/measure.ts";
import type { Mistake } from "./measures/mistakes.ts";

export interface EvaluationReport {
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  /** Mean of the benchmarks' accuracies, 0 to 1; absent if one of them has none. */
  readonly accuracy?: number;
  /** Mean of the model card's numbers for the same benchmarks, by model; only models with a number for each of them. */
  readonly card?: Readonly<Record<string, number>>;
  readonly model: ReportedModel;
  readonly settings: ReportedSettings;
  readonly benchmarks: readonly BenchmarkReport[];
}

export interface ReportedModel {
  /** File name, without its folder. */
  readonly file: string;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  readonly name: string;
  /** What a demonstration model says about itself. */
  readonly notice?: string;
  /** Other caveats, such as a head that was fitted to another model; absent if there are none. */
  readonly notices?: readonly string[];
  readonly profile?: string;
  /** Weight type, for example "q4_k_m". */
  readonly type: string;
  readonly parameters: number;
  /** The head file that replaced the model's own head. */
  readonly head?: { readonly file: string; readonly sha256: string };
}

export interface ReportedSettings {
  readonly tokenization: string;
  readonly specialTokens: string;
  /** The date in the model's chat template, if the template uses one. */
  readonly templateDate?: string;
  readonly maxTokens: number;
  readonly backend: string;
  readonly batchMode: string;
  readonly llamaVersion: string;
  /** For the sample and bootstrap intervals. */
  readonly seed: number;
  /** Maximum number of cases per benchmark; absent: all. */
  readonly limit?: number;
}

export interface BenchmarkReport extends BenchmarkMeasures {
  readonly benchmark: BenchmarkName;
  /** Display name. */
  readonly title: string;
  readonly sources: readonly ReportedSource[];
  readonly rows: RowCounts;
  /** The model card's accuracy for this benchmark, by model. */
  readonly card?: Readonly<Record<string, number>>;
  /** Wrong comparisons with the largest margins, worst first; at most one per case. */
  readonly mistakes: readonly Mistake[];
  /** Number of responses truncated on the left, and the positions of the first of them. */
  readonly truncatedResponses: number;
  readonly truncated: readonly TruncatedResponse[];
  /** The first rows that are invalid or could not be scored, with the reason. */
  readonly problems: readonly ReportedProblem[];
}

export interface ReportedSource {
  /** File name without folder, or hf:OWNER/NAME@COMMIT/PATH. */
  readonly name: string;
  readonly sha256: string;
}

export interface RowCounts {
  /** Rows read from all sources. */
  readonly read: number;
  /** Skipped rows by reason, for example {"tie": 12, "tie (bothbad)": 7}. */
  readonly omitted: Readonly<Record<string, number>>;
  /** Invalid rows. */
  readonly broken: number;
  /** Cases found. */
  readonly cases: number;
  /** Cases in the sample. */
  readonly sampled: number;
  /** Cases with a response that could not be scored. */
  readonly failed: number;
}

export interface ReportedProblem {
  readonly source: number;
  readonly row: number;
  readonly message: string;
}

export interface TruncatedResponse {
  readonly source: number;
  readonly row: number;
  /** Index of the response. */
  readonly response: number;
}

/** {@link EvaluationReport.card}. */
export function cardAverages(benchmarks: readonly Pick<BenchmarkReport, "card">[]): Record<string, number> {
  const averages: Record<string, number> = {};
  for (const model of Object.keys(benchmarks[0]?.card ?? {})) {
    const values = benchmarks.flatMap(({ card }) => card?.[model] ?? []);
    if (values.length === benchmarks.length) averages[model] = mean(values);
  }
  return averages;
}
