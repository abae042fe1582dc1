/**
 * The report of an evaluation: what `eval --json` prints and the HTML page shows. It contains no times or speeds, so a run
 * that is interrupted and resumed gives the same report.
 */
import type { BenchmarkName } from "./case.ts";
import { mean } from "./measures/accuracy.ts";
import type { Interval } from "./measures/interval.ts";
import type { BenchmarkMeasures } from "./measures/measure.ts";
import type { Mistake } from "./measures/mistakes.ts";
import type { PairCalibration } from "./measures/pair-calibration.ts";

/** What an evaluation measured. The same model, settings and data give the same report. */
export interface EvaluationReport {
  /** Of this object; it changes when a field changes its meaning. */
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  /** Mean of the benchmarks' accuracies, 0 to 1; absent if one of them has none. */
  readonly accuracy?: number;
  /** What `accuracy` is of, if rows failed: it should not be quoted without. Absent if none did. */
  readonly incomplete?: Incomplete;
  /** Of `accuracy`, at 95 %: its benchmarks' intervals combined. */
  readonly interval?: Interval;
  /** Mean of the model card's numbers for the same benchmarks, by model; only models with a number for each of them. */
  readonly card?: Readonly<Record<string, number>>;
  /** The model that was evaluated. */
  readonly model: ReportedModel;
  /** How it tokenised and computed, and how cases were sampled. */
  readonly settings: ReportedSettings;
  /** One report per benchmark, in the order of the option `benchmarks`. */
  readonly benchmarks: readonly BenchmarkReport[];
  /** Of the scores.jsonl beside it, 64 hexadecimal digits; only in a report.json that writeReport() wrote. */
  readonly scoresSha256?: string;
}

/** A model, as reports describe it. */
export interface ReportedModel {
  /** File name, without its folder. */
  readonly file: string;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  /** The name in the file. */
  readonly name: string;
  /** What a demonstration model says about itself. */
  readonly notice?: string;
  /** Other caveats, such as a head that was fitted to another model; absent if there are none. */
  readonly notices?: readonly string[];
  /** The kind of reward model, for example "starling-rm-34b". */
  readonly profile?: string;
  /** Weight type, for example "q4_k_m". */
  readonly type: string;
  /** Number of weights. */
  readonly parameters: number;
  /** The calibration of its score differences that `fit` stored; absent if there is none. */
  readonly calibration?: PairCalibration;
  /** The head file that replaced the model's own head. */
  readonly head?: {
    /** File name, without its folder. */
    readonly file: string;
    /** SHA-256 of the file, 64 hexadecimal digits. */
    readonly sha256: string;
  };
}

/** Everything that can change a score. */
export interface ReportedSettings {
  /** How text became tokens, for example "fast-4.41". */
  readonly tokenization: string;
  /** How special tokens in prompts and responses were read: "plain" or "reference". */
  readonly specialTokens: string;
  /** The date in the model's chat template, if the template uses one. */
  readonly templateDate?: string;
  /** Maximum number of tokens per text. */
  readonly maxTokens: number;
  /** What computed: "cpu", "cuda", "metal" or "vulkan". */
  readonly backend: string;
  /** "exact" or "packed". */
  readonly batchMode: string;
  /** The version of llama.cpp. */
  readonly llamaVersion: string;
  /** For the sample. */
  readonly seed: number;
  /** Maximum number of prompts per benchmark that is sampled (see each benchmark's `limit`); absent: all. */
  readonly limit?: number;
}

export interface BenchmarkReport extends BenchmarkMeasures {
  /** The benchmark. */
  readonly benchmark: BenchmarkName;
  /** Display name. */
  readonly title: string;
  /** What a reader of the numbers must know; absent if there is nothing. */
  readonly notice?: string;
  /** Maximum number of prompts; absent: all. */
  readonly limit?: number;
  /** The files that its cases come from. */
  readonly sources: readonly ReportedSource[];
  /** How many rows were read, skipped and scored. */
  readonly rows: RowCounts;
  /** What the measures are of, if rows failed. */
  readonly incomplete?: Incomplete;
  /** The model card's accuracy for this benchmark, by model. */
  readonly card?: Readonly<Record<string, number>>;
  /** Wrong comparisons with the largest margins, worst first; at most one per case. */
  readonly mistakes: readonly Mistake[];
  /** Number of responses truncated on the left, and the positions of the first of them. */
  readonly truncatedResponses: number;
  /** Positions of the first truncated responses. */
  readonly truncated: readonly TruncatedResponse[];
  /** The first rows that are invalid or could not be scored, with the reason. */
  readonly problems: readonly ReportedProblem[];
}

/** A file that cases come from. */
export interface ReportedSource {
  /** File name without folder, or hf:OWNER/NAME@COMMIT/PATH. */
  readonly name: string;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly sha256: string;
  /** The adapter that read its rows, of "pairs": see preferenceAdapters. */
  readonly adapter?: string;
  /** What that adapter reads, in words. */
  readonly readAs?: string;
}

/** What became of the rows. */
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
  /**
   * Invalid rows and failed cases by kind of problem, the most frequent first. A kind is named by the message of its first row, for
   * example {"Expected a string for rejected but received 7.": 280}.
   */
  readonly problems: Readonly<Record<string, number>>;
}

/** What numbers are of, where rows failed. */
export interface Incomplete {
  /** Cases that were scored. */
  readonly measured: number;
  /** Rows that are invalid, and cases that could not be scored. */
  readonly failed: number;
  /** Both, to follow a number: "of 120 of 400 rows; 280 failed"; where there is no number: "400 of 400 rows failed". */
  readonly sentence: string;
}

/** A row that is invalid or could not be scored. */
export interface ReportedProblem {
  /** Index of the source. */
  readonly source: number;
  /** Row number in the source, from 1. */
  readonly row: number;
  /** The reason. */
  readonly message: string;
}

/** A response whose text was too long for the model. */
export interface TruncatedResponse {
  /** Index of the source. */
  readonly source: number;
  /** Row number in the source, from 1. */
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

/** Whether a value looks like a report: it may come out of a file. */
export function isReport(value: unknown): value is EvaluationReport {
  const { model, settings, benchmarks } = (value ?? {}) as Partial<EvaluationReport>;
  return (
    typeof model?.name === "string" && typeof settings === "object" && settings !== null && Array.isArray(benchmarks)
  );
}
