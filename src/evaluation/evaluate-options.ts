/** The options of evaluate() and compareModels(): types, checks, defaults. */
import { MAX_SAMPLE_ROWS, MAX_SEED } from "../bounds.ts";
import { defaultCacheFolder } from "../cache-folder.ts";
import { invalidArgument } from "../errors.ts";
import { areInputs } from "../inputs/find-files.ts";
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
import type { DownloadProgress, HashProgress, LoadProgress, ReadProgress, ScoreProgress } from "../progress.ts";
import { aFieldMapping } from "../prompt/field-map.ts";
import { inputFormats } from "../rows/format.ts";
import { aLoad } from "../scoring/load-options.ts";
import { adapterNamed } from "./adapter-named.ts";
import { benchmarks } from "./benchmarks.ts";
import { type BenchmarkName, benchmarkNames } from "./case.ts";
import type { BenchmarkRequest } from "./open-benchmark.ts";
import type { LoadSettings } from "./open-model.ts";
import type { RowProblem, RowRules } from "./read-cases.ts";

/** Options of evaluate(). */
export interface EvaluateOptions {
  /** A GGUF made by `convert`, or "tiny" for the embedded model. */
  readonly modelPath: string;
  /** One or more benchmarks and their data. */
  readonly benchmarks: readonly BenchmarkRequest[];
  /** Maximum number of prompts per benchmark, sampled at random with all their cases, or "all". Default: 1000, as on the model card; "all" for both RewardBenches, rmbench and ppe. */
  readonly limit?: number | "all";
  /**
   * Fields of the rows by whose values accuracy is broken down, also within objects: ["category", "meta.source"]. "turns" (of the
   * user) and "length" (tokens of the longest response with its prompt, in bands) need no field. Default: none.
   */
  readonly by?: readonly string[];
  /**
   * Fields that name the models that wrote the responses: one with a list, or one for each response, in their order. Default: those
   * of the data sets (model_a and model_b, chosen_model and rejected_model, models).
   */
  readonly modelFields?: readonly string[];
  /** A field with the same value in rows whose prompts are paraphrases of each other: consistency is measured. Default: none. */
  readonly paraphrases?: string;
  /** Seed of the sample, 0 to 2^31 - 1. Default: 0. */
  readonly seed?: number;
  /** Stop at the first row that is invalid, cannot be scored or causes a warning. Default: false, such rows are reported. */
  readonly strict?: boolean;
  /** Input fields, such as "tools", that may be ignored. Default: none; a row with an unread input field is invalid. */
  readonly ignoreFields?: readonly string[];
  /** Whether chosen and rejected conversations may differ before their last turn. Default: "refuse". */
  readonly differentPrompts?: "refuse" | "allow";
  /**
   * Folder for scores: an interrupted run resumes from them, and later runs reuse them. false: keep no scores. Default: the
   * package's cache folder ($STARLING_RM_CACHE).
   */
  readonly cacheFolder?: string | false;
  /** Options for loading the model. */
  readonly load?: LoadSettings;
  /** Called for each invalid row and each case that could not be scored. */
  readonly onProblem?: (problem: RowProblem) => void;
  /** Reports the phases "reading", "downloading", "loading", "hashing" and "scoring". */
  readonly onProgress?: (progress: EvaluationProgress) => void;
  /** Called with warnings that do not stop the evaluation. */
  readonly onNotice?: (message: string) => void;
  /** Aborts the evaluation; the promise rejects with the signal's reason. Finished scores stay in the cache. */
  readonly signal?: AbortSignal;
}

/** What evaluate(), compareModels() and probe() have in common. */
export type SharedOption =
  | "limit"
  | "seed"
  | "strict"
  | "ignoreFields"
  | "differentPrompts"
  | "cacheFolder"
  | "load"
  | "onProblem"
  | "onNotice"
  | "signal";

/** Progress of evaluate() and compareModels(). */
export type EvaluationProgress = DownloadProgress | HashProgress | LoadProgress | ReadProgress | ScoreProgress;

const DEFAULT_LIMIT = 1000;

const aLimit: Check = (value) => {
  const expected = anInteger(1, MAX_SAMPLE_ROWS)(value);
  return value === "all" || expected === undefined ? undefined : `"all" or ${expected}`;
};

/** Checks of {@link RowRules}. */
export const rowRuleChecks: Readonly<Record<string, Check>> = {
  ignoreFields: aNameList,
  differentPrompts: oneOf(["refuse", "allow"]),
};

/** Checks of each {@link SharedOption}, and of `onProgress`. */
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

/** @throws InvalidInputError ERR_INVALID_ARGUMENT, with `name` in the message */
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
      inputs: (given) => (areInputs(given) ? undefined : "a list of one or more files or hf: names"),
      fields: aFieldMapping,
      format: oneOf(inputFormats),
      adapter: aString,
    },
    ["benchmark"],
  );
  const { benchmark, adapter } = value as BenchmarkRequest;
  if (adapter === undefined) return;
  if (benchmark !== "pairs") throw invalidArgument(`${name}.adapter`, 'none: only "pairs" has adapters,', adapter);
  adapterNamed(adapter);
}

export interface EvaluationSettings extends RowRules {
  readonly limit: number | undefined;
  readonly seed: number;
  readonly strict: boolean;
  readonly cacheFolder: string | undefined;
  readonly onProblem: (problem: RowProblem) => void;
  readonly signal: AbortSignal | undefined;
}

/** Applies the defaults of the options shared by evaluate() and compareModels(). */
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

/** The limit of one benchmark: the option, or its own default. */
export function limitOf(
  { limit }: { readonly limit?: EvaluateOptions["limit"] | undefined },
  { benchmark }: BenchmarkRequest,
): number | undefined {
  if (limit === undefined) return benchmarks[benchmark].complete ? undefined : DEFAULT_LIMIT;
  return limit === "all" ? undefined : limit;
}

/** Adds the benchmark's name to download progress. */
export function downloadProgressOf(
  { benchmark }: BenchmarkRequest,
  { onProgress }: { readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined },
): (progress: DownloadProgress) => void {
  return (progress) => onProgress?.({ ...progress, benchmark });
}
