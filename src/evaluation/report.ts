/**
 * The report of an evaluation: what `eval --json` prints and what the HTML page is drawn from. Nothing in it depends on
 * when or how fast it was made, so that a run that was stopped and started again ends in the same report.
 */
import type { BenchmarkName } from "./case.ts";
import { mean } from "./measures/accuracy.ts";
import type { BenchmarkMeasures } from "./measures/measure.ts";
import type { Mistake } from "./measures/mistakes.ts";

export interface EvaluationReport {
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  /** Mean of the benchmarks' accuracies, 0 to 1; NaN-free: absent where no case could be scored. */
  readonly accuracy?: number;
  /** Mean of what the model card says of the same benchmarks, by model; only those that it has all of them of. */
  readonly card?: Readonly<Record<string, number>>;
  readonly model: ReportedModel;
  readonly settings: ReportedSettings;
  readonly benchmarks: readonly BenchmarkReport[];
}

export interface ReportedModel {
  /** File name, without its folder. */
  readonly file: string;
  /** Of the whole file, in hex. */
  readonly sha256: string;
  readonly name: string;
  /** What a model that is not the real thing says of itself. */
  readonly notice?: string;
  /** What else one should know of it, such as a head that was fitted to another model; absent where there is nothing. */
  readonly notices?: readonly string[];
  readonly profile?: string;
  /** Weight type, for example "q4_k_m". */
  readonly type: string;
  readonly parameters: number;
  /** The head file that replaced the model's own head: its name and sha256. */
  readonly head?: { readonly file: string; readonly sha256: string };
}

export interface ReportedSettings {
  readonly tokenization: string;
  readonly specialTokens: string;
  /** The date that the model's own chat template writes, where it asks for one. */
  readonly templateDate?: string;
  readonly maxTokens: number;
  readonly backend: string;
  readonly batchMode: string;
  readonly llamaVersion: string;
  /** Of the sample and of bootstrap intervals. */
  readonly seed: number;
  /** Most cases of each benchmark; absent: all. */
  readonly limit?: number;
}

export interface BenchmarkReport extends BenchmarkMeasures {
  readonly benchmark: BenchmarkName;
  /** For people: what is compared, in a few words. */
  readonly title: string;
  readonly sources: readonly ReportedSource[];
  readonly rows: RowCounts;
  /** What the model card says of this benchmark, by model. */
  readonly card?: Readonly<Record<string, number>>;
  /** The comparisons that went wrong by the largest margin, worst first; one of a case at most. */
  readonly mistakes: readonly Mistake[];
  /** Responses of which tokens were cut off on the left: how many, and where the first of them stand. */
  readonly truncatedResponses: number;
  readonly truncated: readonly TruncatedResponse[];
  /** The first rows that could not be understood or scored, with the reason. */
  readonly problems: readonly ReportedProblem[];
}

export interface ReportedSource {
  /** A file's name without its folder, or hf:OWNER/NAME@COMMIT/PATH. */
  readonly name: string;
  readonly sha256: string;
}

export interface RowCounts {
  /** Rows that were read, of all sources. */
  readonly read: number;
  /** Rows that are no case, by reason, for example {"tie": 12, "tie (bothbad)": 7}. */
  readonly omitted: Readonly<Record<string, number>>;
  /** Rows that could not be understood. */
  readonly broken: number;
  /** Cases that were found. */
  readonly cases: number;
  /** Cases that the sample took. */
  readonly sampled: number;
  /** Cases of which a response could not be scored. */
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

/** {@link EvaluationReport.card}: the means over benchmarks of which the card has all. */
export function cardAverages(benchmarks: readonly Pick<BenchmarkReport, "card">[]): Record<string, number> {
  const averages: Record<string, number> = {};
  for (const model of Object.keys(benchmarks[0]?.card ?? {})) {
    const values = benchmarks.flatMap(({ card }) => card?.[model] ?? []);
    if (values.length === benchmarks.length) averages[model] = mean(values);
  }
  return averages;
}
