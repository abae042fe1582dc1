/** Compares two models on the same cases, such as two quantisations. */
import { readHeadFile } from "../gguf/head-file.ts";
import { type ModelPathOptions, modelPathOf } from "../model-path.ts";
import { aFunction, aString, checkOptions, given, takesOnlyOptions } from "../options.ts";
import { packageVersion } from "../package-info.ts";
import { readModelFile } from "../scoring/model-file.ts";
import type { BenchmarkName, PlacedCase, ScoredCase } from "./case.ts";
import {
  checkRequest,
  downloadProgressOf,
  type EvaluateOptions,
  type EvaluationProgress,
  type EvaluationSettings,
  evaluationChecks,
  evaluationSettings,
  limitOf,
  type SharedOption,
} from "./evaluate-options.ts";
import { incompleteOf } from "./incomplete.ts";
import { type AccuracyMeasures, measureAccuracy } from "./measures/accuracy.ts";
import { type Agreement, measureAgreement } from "./measures/agreement.ts";
import { type OfficialScore, scoreOfficially } from "./measures/measure.ts";
import { measureScoreDifference, type ScoreDifference } from "./measures/paired-score.ts";
import { type BenchmarkRequest, OpenBenchmark } from "./open-benchmark.ts";
import { openModel } from "./open-model.ts";
import type {
  Incomplete,
  ReportedModel,
  ReportedProblem,
  ReportedSettings,
  ReportedSource,
  RowCounts,
} from "./report.ts";
import { type ScoringProgress, scoreBenchmark, scoringProgress } from "./score-cases.ts";

/** Options of compareModels(). */
export interface CompareOptions extends Pick<EvaluateOptions, SharedOption> {
  /** Two GGUFs, for example two quantisations of one checkpoint. */
  readonly models: readonly [string, string];
  /** Head files of the first and the second model, used instead of `load.headPath` and of the models' own; default: none. */
  readonly heads?: readonly [string | undefined, string | undefined];
  /** The data to score. Rows of "pairs" need no ranks here: {"prompt", "responses"} is enough. */
  readonly data: BenchmarkRequest;
  /** Reports the phases of evaluate(); from "loading" on with `model`, the index of the current model. */
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

/** The result of compareModels(). It has no times in it: the same models, settings and data give the same report. */
export interface ComparisonReport {
  /** Of this object; it changes when a field changes its meaning. */
  readonly formatVersion: 1;
  /** The package's version. */
  readonly version: string;
  /** What was compared on. */
  readonly benchmark: BenchmarkName;
  /** The two models, in the order of the option `models`. */
  readonly models: readonly [ComparedModel, ComparedModel];
  /** Seed of the sample. */
  readonly seed: number;
  /** Maximum number of prompts; absent: all. */
  readonly limit?: number;
  /** The files that the cases come from. */
  readonly sources: readonly ReportedSource[];
  /** How many rows were read, skipped and scored. */
  readonly rows: RowCounts;
  /** The accuracies and the agreement are of these, if rows failed. */
  readonly incomplete?: Incomplete;
  /** The second model's official score minus the first's; absent where the benchmark has none, or parts of it are missing. */
  readonly officialScoreDifference?: ScoreDifference;
  /** How far the two models agree. */
  readonly agreement: Agreement;
  /** The first rows that are invalid or could not be scored, with the reason. */
  readonly problems: readonly ReportedProblem[];
}

/** One of the two models in a comparison. */
export interface ComparedModel extends ReportedModel {
  /** Total size of all tensors in bytes. */
  readonly size: number;
  /** How it tokenised and computed. */
  readonly settings: Omit<ReportedSettings, "seed" | "limit">;
  /** Accuracy on cases with a known order; absent if there are none. */
  readonly accuracy?: AccuracyMeasures;
  /** The benchmark's official score: rewardbench, rewardbench2, rmbench and ppe. */
  readonly officialScore?: OfficialScore;
}

/**
 * Scores the same cases with two models, one after the other, and measures their agreement.
 *
 * @throws InvalidInputError for a wrong option, FileError or HubError for unavailable data or models, NativeError if a model
 *   cannot be loaded
 */
export async function compareModels(options: CompareOptions): Promise<ComparisonReport> {
  takesOnlyOptions("compareModels", arguments);
  options = checkOptions(
    "compareModels",
    options,
    {
      ...evaluationChecks,
      models: (value) =>
        Array.isArray(value) && value.length === 2 && value.every((path) => aString(path) === undefined)
          ? undefined
          : "the paths of two models",
      heads: (value) =>
        Array.isArray(value) && value.length === 2 && value.every((path) => path === undefined || !aString(path))
          ? undefined
          : "a list of two: the path of a head file, or undefined, for each model",
      data: () => undefined,
      onProgress: aFunction,
    },
    ["models", "data"],
  );
  checkRequest(options.data, "data");
  options.signal?.throwIfAborted();
  const settings = evaluationSettings(options);
  // The first model may take hours: check before that both can be read.
  const models = [
    await modelPathOf(options.models[0], downloadOf(options, 0)),
    await modelPathOf(options.models[1], downloadOf(options, 1)),
  ] as const;
  for (const path of models) await readModelFile(path);
  for (const path of options.heads ?? []) if (path !== undefined) await readHeadFile(path);
  options.onProgress?.({ phase: "reading", benchmark: options.data.benchmark });
  const benchmark = await OpenBenchmark.open(options.data, {
    onNotice: options.onNotice,
    ...settings,
    limit: limitOf(options, options.data),
    unordered: true,
    onDownload: downloadProgressOf(options.data, options),
  });
  const cases: PlacedCase[] = [];
  for await (const one of benchmark.cases) cases.push(one);
  for (const sentence of benchmark.warnings()) options.onNotice?.(sentence);

  const first = await scoreWith(0, benchmark, cases, { ...options, models }, settings);
  const second = await scoreWith(1, benchmark, first.cases, { ...options, models }, settings);
  const both = new Set(second.cases);
  const firstScored = first.scored.filter((_, i) => both.has(first.cases[i] as PlacedCase));
  const { seed } = settings;
  const { limit } = benchmark;
  const rows = benchmark.counts();
  return {
    formatVersion: 1,
    version: packageVersion(),
    benchmark: benchmark.name,
    models: [
      { ...first.model, ...measuresOf(benchmark.name, firstScored) },
      { ...second.model, ...measuresOf(benchmark.name, second.scored) },
    ],
    seed,
    ...(limit === undefined ? {} : { limit }),
    sources: benchmark.sources,
    rows,
    ...incompleteOf(rows),
    ...given({
      officialScoreDifference: measureScoreDifference(benchmark.name, ordered(firstScored), ordered(second.scored)),
    }),
    agreement: measureAgreement(firstScored, second.scored),
    problems: benchmark.problems,
  };
}

function downloadOf({ signal, onProgress }: CompareOptions, model: 0 | 1): ModelPathOptions {
  return { signal, onProgress: onProgress && ((progress) => onProgress({ ...progress, model })) };
}

interface ScoredWith {
  readonly model: Omit<ComparedModel, "accuracy" | "officialScore">;
  /** The cases that could be scored, and their scores. */
  readonly cases: readonly PlacedCase[];
  readonly scored: readonly ScoredCase[];
}

/** Closes the model afterwards, so two models need not fit into memory together. */
async function scoreWith(
  index: 0 | 1,
  benchmark: OpenBenchmark,
  cases: readonly PlacedCase[],
  { models, heads, load = {}, onProgress, onNotice }: CompareOptions,
  { cacheFolder, signal }: EvaluationSettings,
): Promise<ScoredWith> {
  const report = (progress: EvaluationProgress) => onProgress?.({ ...progress, model: index });
  const opened = await openModel({
    modelPath: models[index],
    load: { ...load, ...given({ headPath: heads?.[index] }) },
    cacheFolder,
    onProgress: (phase, fraction) => report({ phase, fraction }),
    onNotice,
    signal,
  });
  try {
    const kept: PlacedCase[] = [];
    const scored: ScoredCase[] = [];
    const reportScoring = (done: ScoringProgress) => report(scoringProgress(benchmark.name, done, cases.length));
    for await (const outcome of scoreBenchmark(benchmark, cases, opened, signal, reportScoring)) {
      kept.push(outcome.placed);
      scored.push(outcome.scored);
    }
    const model = { ...opened.reported, size: opened.model.info.size, settings: opened.settings };
    return { model, cases: kept, scored };
  } finally {
    await opened.close();
  }
}

function measuresOf(
  benchmark: BenchmarkName,
  scored: readonly ScoredCase[],
): Pick<ComparedModel, "accuracy" | "officialScore"> {
  const known = ordered(scored);
  return known.length === 0
    ? {}
    : { accuracy: measureAccuracy(known), ...given({ officialScore: scoreOfficially(benchmark, known) }) };
}

/** Cases whose order is known. */
function ordered(scored: readonly ScoredCase[]): ScoredCase[] {
  return scored.filter(({ comparisons }) => comparisons.length > 0);
}
