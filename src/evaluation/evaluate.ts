/** Runs benchmarks: data, sample, scores, measures, report. */
import { modelPathOf } from "../model-path.ts";
import { aNameList, aString, checkOptions, given, takesOnlyOptions } from "../options.ts";
import { packageVersion } from "../package-info.ts";
import { readModelFile } from "../scoring/model-file.ts";
import type { ScoredCase } from "./case.ts";
import {
  checkRequest,
  downloadProgressOf,
  type EvaluateOptions,
  type EvaluationSettings,
  evaluationChecks,
  evaluationSettings,
  limitOf,
} from "./evaluate-options.ts";
import { withLengthBand } from "./groups.ts";
import { incompleteOf, incompleteOfAll } from "./incomplete.ts";
import { textsOf } from "./item-texts.ts";
import { mean, RunningAccuracy } from "./measures/accuracy.ts";
import { estimateOf, intervalOfMean } from "./measures/interval.ts";
import { measureBenchmark } from "./measures/measure.ts";
import { WorstMistakes } from "./measures/mistakes.ts";
import { OpenBenchmark } from "./open-benchmark.ts";
import { type OpenModel, openModel } from "./open-model.ts";
import { type BenchmarkReport, cardAverages, type EvaluationReport, type TruncatedResponse } from "./report.ts";
import { type ScoringProgress, scoreBenchmark, scoringProgress } from "./score-cases.ts";

/** What evaluate() returns; writeReport() writes it to files. */
export interface Evaluation {
  /** The measures, without any text but the worst mistakes. */
  readonly report: EvaluationReport;
  /** Scored cases of each benchmark, in the order of `report.benchmarks`. */
  readonly cases: readonly (readonly ScoredCase[])[];
}

/** Truncated responses listed in a report; `truncatedResponses` counts all of them. */
export const MAX_LISTED_TRUNCATIONS = 1000;

/**
 * Scores the cases of benchmarks with a model and measures how often the better response wins.
 *
 * @returns the report and the scored cases. They depend only on model, settings and data, even after an interruption. (On a
 *   GPU in packed mode, scores can depend slightly on the batch.)
 * @throws InvalidInputError for a wrong option, FileError or HubError for unavailable data or models, NativeError if the model
 *   cannot be loaded
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  takesOnlyOptions("evaluate", arguments);
  options = checkOptions(
    "evaluate",
    options,
    {
      ...evaluationChecks,
      by: aNameList,
      modelFields: aNameList,
      paraphrases: aString,
      modelPath: aString,
      benchmarks: (value) =>
        Array.isArray(value) && value.length > 0 ? undefined : "a list of one or more benchmarks",
    },
    ["modelPath", "benchmarks"],
  );
  for (const [i, request] of options.benchmarks.entries()) checkRequest(request, `benchmarks[${i}]`);
  const { load = {}, signal } = options;
  signal?.throwIfAborted();
  const modelPath = await modelPathOf(options.modelPath, options);
  const settings = evaluationSettings(options);
  // Fail before downloading data for a model that cannot be read.
  await readModelFile(modelPath);
  const opened: OpenBenchmark[] = [];
  for (const request of options.benchmarks) {
    options.onProgress?.({ phase: "reading", benchmark: request.benchmark });
    opened.push(
      await OpenBenchmark.open(request, {
        ...settings,
        limit: limitOf(options, request),
        by: options.by,
        facts: { models: options.modelFields, paraphrases: options.paraphrases },
        onNotice: options.onNotice,
        onDownload: downloadProgressOf(request, options),
      }),
    );
  }
  const model = await openModel({
    modelPath,
    load,
    cacheFolder: settings.cacheFolder,
    onProgress: (phase, fraction) => options.onProgress?.({ phase, fraction }),
    onNotice: options.onNotice,
    signal,
  });
  try {
    const parts: { readonly report: BenchmarkReport; readonly cases: readonly ScoredCase[] }[] = [];
    for (const benchmark of opened) parts.push(await runBenchmark(benchmark, model, options, settings));
    const report = assemble(
      model,
      parts.map((part) => part.report),
      settings,
    );
    return { report, cases: parts.map(({ cases }) => cases) };
  } finally {
    await model.close();
  }
}

/** Scores a benchmark's cases and measures them. */
export async function runBenchmark(
  benchmark: OpenBenchmark,
  model: OpenModel,
  { onProgress, onNotice, by = [] }: Pick<EvaluateOptions, "onProgress" | "onNotice" | "by">,
  { signal }: Pick<EvaluationSettings, "signal">,
): Promise<{ report: BenchmarkReport; cases: readonly ScoredCase[] }> {
  const { name, definition, total } = benchmark;
  const cases: ScoredCase[] = [];
  const worst = new WorstMistakes();
  const running = new RunningAccuracy();
  const truncated: TruncatedResponse[] = [];
  let truncatedResponses = 0;
  const reportProgress = (done: ScoringProgress) => {
    const { accuracy, interval } = running.current;
    onProgress?.({ ...scoringProgress(name, done, total), ...given({ accuracy, interval }) });
  };
  for await (const { scored, placed } of scoreBenchmark(benchmark, benchmark.cases, model, signal, reportProgress)) {
    cases.push(withLengthBand(scored, by));
    running.add(scored);
    worst.add(scored, () => textsOf(placed));
    for (const [response, cut] of scored.truncated.entries()) {
      if (!cut) continue;
      truncatedResponses += 1;
      if (truncated.length < MAX_LISTED_TRUNCATIONS)
        truncated.push({ source: placed.source, row: placed.row, response });
    }
  }
  for (const sentence of benchmark.warnings()) onNotice?.(sentence);
  if (total === undefined) benchmark.checkFields();
  const rows = benchmark.counts();
  const report: BenchmarkReport = {
    benchmark: name,
    title: definition.title,
    ...given({ notice: definition.notice, limit: benchmark.limit }),
    sources: benchmark.sources,
    rows,
    ...given({ card: definition.card }),
    ...incompleteOf(rows),
    ...measureBenchmark(name, cases, by, model.reported.calibration),
    mistakes: worst.worst,
    truncatedResponses,
    truncated,
    problems: benchmark.problems,
  };
  return { report, cases };
}

/** The report on several benchmarks. */
export function assemble(
  { reported, settings }: Pick<OpenModel, "reported" | "settings">,
  benchmarks: readonly BenchmarkReport[],
  { seed, limit }: Pick<EvaluationSettings, "seed" | "limit">,
): EvaluationReport {
  const known = benchmarks.flatMap(({ accuracy }) => (accuracy === undefined ? [] : [accuracy]));
  const whole = known.length > 0 && known.length === benchmarks.length;
  const interval = whole
    ? intervalOfMean(benchmarks.flatMap(({ accuracy, interval }) => estimateOf(accuracy, interval) ?? []))
    : undefined;
  const card = cardAverages(benchmarks);
  return {
    formatVersion: 1,
    version: packageVersion(),
    ...(whole ? { accuracy: mean(known) } : {}),
    ...incompleteOfAll(benchmarks),
    ...(interval && { interval }),
    ...(Object.keys(card).length > 0 ? { card } : {}),
    model: reported,
    settings: { ...settings, seed, ...(limit === undefined ? {} : { limit }) },
    benchmarks,
  };
}
