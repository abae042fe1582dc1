/** An evaluation from beginning to end: sources, sample, scores, measures, report. */

import { defaultCacheFolder } from "../cache-folder.ts";
import { invalidArgument } from "../errors.ts";
import { modelPathOf } from "../model-path.ts";
import {
  aBoolean,
  aFunction,
  aNameList,
  anInteger,
  aSignal,
  aString,
  type Check,
  checkOptions,
  given,
  oneOf,
} from "../options.ts";
import { packageVersion } from "../package-info.ts";
import type { DownloadProgress, HashProgress, LoadProgress, ReadProgress, ScoreProgress } from "../progress.ts";
import { aLoad } from "../scoring/load-options.ts";
import { readModelFile } from "../scoring/model-file.ts";
import { type BenchmarkName, benchmarkNames, type ScoredCase } from "./case.ts";
import { mean, RunningAccuracy } from "./measures/accuracy.ts";
import { measureBenchmark } from "./measures/measure.ts";
import { WorstMistakes } from "./measures/mistakes.ts";
import { type BenchmarkRequest, OpenBenchmark } from "./open-benchmark.ts";
import { type LoadSettings, type OpenModel, openModel } from "./open-model.ts";
import type { RowProblem, RowRules } from "./read-cases.ts";
import { type BenchmarkReport, cardAverages, type EvaluationReport, type TruncatedResponse } from "./report.ts";
import { type ScoringProgress, scoreBenchmark, scoringProgress } from "./score-benchmark.ts";
import { textsOf } from "./texts.ts";

export interface EvaluateOptions {
  /** A GGUF that `starling-rm convert` made. */
  readonly modelPath: string;
  /** One or more. */
  readonly benchmarks: readonly BenchmarkRequest[];
  /** Most cases (prompts) of each benchmark, drawn at random; "all". Default: 1000, the model card's. */
  readonly limit?: number | "all";
  /** Of the sample and of bootstrap intervals, 0 to 2^31 - 1. Default: 0. */
  readonly seed?: number;
  /** Stop at the first row that cannot be understood or scored, or that a warning is about; default false: it is told. */
  readonly strict?: boolean;
  /** Names of fields that belong to the input, such as "tools", and are left out on purpose; default: none. */
  readonly ignoreFields?: readonly string[];
  /** Whether a chosen and a rejected conversation may differ before their last turn; default "refuse". */
  readonly differentPrompts?: "refuse" | "allow";
  /**
   * Where scores are kept, so that a run that was stopped goes on and another run need not score the same texts again;
   * false: nowhere. Default: the package's cache folder ($STARLING_RM_CACHE).
   */
  readonly cacheFolder?: string | false;
  /** How the model is loaded. */
  readonly load?: LoadSettings;
  /** Called for each row that cannot be understood and each case that cannot be scored. */
  readonly onProblem?: (problem: RowProblem) => void;
  /** Reports the phases "reading", "downloading", "hashing", "loading" and "scoring". */
  readonly onProgress?: (progress: EvaluationProgress) => void;
  /** Called with what does not stop the work but should be known. */
  readonly onNotice?: (message: string) => void;
  /** Stops the work; the promise rejects with the signal's reason. What was scored is kept in the cache. */
  readonly signal?: AbortSignal;
}

/** What evaluate() and compareModels() report. */
export type EvaluationProgress = DownloadProgress | HashProgress | LoadProgress | ReadProgress | ScoreProgress;

export interface Evaluation {
  readonly report: EvaluationReport;
  /** The scored cases of each benchmark, in the order of `report.benchmarks`. */
  readonly cases: readonly (readonly ScoredCase[])[];
}

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000_000;
/** Seeds are numbers that every program can write. */
const MAX_SEED = 2 ** 31 - 1;
/** Places of truncated responses that a report lists; their number is always told. */
const MAX_LISTED_TRUNCATIONS = 1000;

const aLimit: Check = (value) => {
  const expected = anInteger(1, MAX_LIMIT)(value);
  return value === "all" || expected === undefined ? undefined : `"all" or ${expected}`;
};

/** Checks of {@link RowRules}. */
export const rowRuleChecks: Readonly<Record<string, Check>> = {
  ignoreFields: aNameList,
  differentPrompts: oneOf(["refuse", "allow"]),
};

/** Checks that evaluate() and compareModels() share. */
export const evaluationChecks: Readonly<Record<string, Check>> = {
  limit: aLimit,
  seed: anInteger(0, MAX_SEED),
  strict: aBoolean,
  ...rowRuleChecks,
  cacheFolder: (value) => (value === false || aString(value) === undefined ? undefined : "a folder, or false"),
  load: aLoad,
  onProblem: aFunction,
  onProgress: aFunction,
  onNotice: aFunction,
  signal: aSignal,
};

/**
 * Scores the cases of benchmarks with a model and measures how often the better response wins.
 *
 * @returns the report and what it was made of; the same for the same model, settings and data, also after an
 *   interruption (on a GPU as far as scores do not depend on their company there)
 * @throws InvalidInputError for a wrong option, FileError or HubError for data or a model that cannot be had, NativeError
 *   where the model cannot be loaded
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  options = checkOptions(
    "evaluate",
    options,
    {
      ...evaluationChecks,
      modelPath: aString,
      benchmarks: (value) =>
        Array.isArray(value) && value.length > 0 ? undefined : "a list of one or more benchmarks",
    },
    ["modelPath", "benchmarks"],
  );
  for (const [i, request] of options.benchmarks.entries()) checkRequest(request, `benchmarks[${i}]`);
  const { load = {}, signal } = options;
  signal?.throwIfAborted();
  const modelPath = await modelPathOf(options.modelPath, signal);
  const settings = evaluationSettings(options);
  // Before data are downloaded for it.
  await readModelFile(modelPath);
  const opened: OpenBenchmark[] = [];
  for (const request of options.benchmarks) {
    options.onProgress?.({ phase: "reading", benchmark: request.benchmark });
    opened.push(await OpenBenchmark.open(request, { ...settings, onDownload: downloadTeller(request, options) }));
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

/** For {@link OpenBenchmark.open}: passes a download's progress on. */
export function downloadTeller(
  { benchmark }: BenchmarkRequest,
  { onProgress }: { readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined },
): (progress: DownloadProgress) => void {
  return (progress) => onProgress?.({ ...progress, benchmark });
}

export function checkRequest(value: unknown, name: string): asserts value is BenchmarkRequest {
  if (value === undefined) throw invalidArgument(name, "a benchmark and its inputs", value);
  checkOptions(
    name,
    value,
    {
      benchmark: (given) =>
        benchmarkNames.includes(given as BenchmarkName)
          ? undefined
          : `one of ${benchmarkNames.map((known) => `"${known}"`).join(", ")}`,
      inputs: (given) =>
        Array.isArray(given) && given.length > 0 && given.every((input) => aString(input) === undefined)
          ? undefined
          : "a list of one or more files or hf: names",
    },
    ["benchmark"],
  );
}

export interface EvaluationSettings extends RowRules {
  readonly limit: number | undefined;
  readonly seed: number;
  readonly strict: boolean;
  readonly cacheFolder: string | undefined;
  readonly onProblem: (problem: RowProblem) => void;
  readonly signal: AbortSignal | undefined;
}

/** The options that evaluate() and compareModels() share, with their defaults. */
export function evaluationSettings(
  options: RowRules & {
    readonly [Name in "limit" | "seed" | "strict" | "cacheFolder" | "onProblem" | "signal"]?:
      | EvaluateOptions[Name]
      | undefined;
  },
): EvaluationSettings {
  const { limit = DEFAULT_LIMIT, seed = 0, strict = false, cacheFolder = defaultCacheFolder(), signal } = options;
  return {
    limit: limit === "all" ? undefined : limit,
    seed,
    strict,
    cacheFolder: cacheFolder === false ? undefined : cacheFolder,
    onProblem: options.onProblem ?? (() => {}),
    ...given({ ignoreFields: options.ignoreFields, differentPrompts: options.differentPrompts }),
    signal,
  };
}

async function runBenchmark(
  benchmark: OpenBenchmark,
  model: OpenModel,
  { onProgress, onNotice }: EvaluateOptions,
  { seed, signal }: EvaluationSettings,
): Promise<{ report: BenchmarkReport; cases: readonly ScoredCase[] }> {
  const { name, definition, total } = benchmark;
  const cases: ScoredCase[] = [];
  const worst = new WorstMistakes();
  const running = new RunningAccuracy();
  const truncated: TruncatedResponse[] = [];
  let truncatedResponses = 0;
  const tell = (done: ScoringProgress) => {
    const { accuracy, interval } = running.current;
    onProgress?.({ ...scoringProgress(name, done, total), ...given({ accuracy, interval }) });
  };
  for await (const { scored, placed } of scoreBenchmark(benchmark, benchmark.cases, model, signal, tell)) {
    cases.push(scored);
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
  const report: BenchmarkReport = {
    benchmark: name,
    title: definition.title,
    sources: benchmark.sources,
    rows: benchmark.counts(),
    ...given({ card: definition.card }),
    ...measureBenchmark(name, cases, { seed }),
    mistakes: worst.worst,
    truncatedResponses,
    truncated,
    problems: benchmark.problems,
  };
  return { report, cases };
}

function assemble(
  { reported, settings }: OpenModel,
  benchmarks: readonly BenchmarkReport[],
  { seed, limit }: EvaluationSettings,
): EvaluationReport {
  const known = benchmarks.flatMap(({ accuracy }) => (accuracy === undefined ? [] : [accuracy]));
  const whole = known.length > 0 && known.length === benchmarks.length;
  const card = cardAverages(benchmarks);
  return {
    formatVersion: 1,
    version: packageVersion(),
    ...(whole ? { accuracy: mean(known) } : {}),
    ...(Object.keys(card).length > 0 ? { card } : {}),
    model: reported,
    settings: { ...settings, seed, ...(limit === undefined ? {} : { limit }) },
    benchmarks,
  };
}
