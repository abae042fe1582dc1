/** The public interface of starling-rm. */

export { byteSize } from "./byte-units.ts";
export { profileChoices } from "./convert/options.ts";
export { type DiagnoseOptions, type Diagnosis, diagnose, type ModelDiagnosis } from "./doctor/diagnose.ts";
export type { DiagnosisProblem } from "./doctor/find-problems.ts";
export type { DeviceFinding, RuntimeFinding } from "./doctor/runtimes.ts";
export { type EmbeddedModelOptions, embeddedCheckpoint, embeddedModelPath } from "./embedded-model.ts";
export { endProcess } from "./end-process.ts";
export type { ErrorCode } from "./errors.ts";
export {
  FileError,
  HubError,
  InvalidInputError,
  isStarlingError,
  ModelClosedError,
  NativeError,
  StarlingError,
} from "./errors.ts";
export type { Agreement, Differences, OrderAgreement } from "./evaluation/agreement.ts";
export { type Benchmark, benchmarks } from "./evaluation/benchmarks.ts";
export { type BenchmarkName, benchmarkNames, type Comparison, type ScoredCase } from "./evaluation/case.ts";
export {
  type ComparedModel,
  type CompareOptions,
  type ComparisonReport,
  compareModels,
} from "./evaluation/compare.ts";
export { type EvaluateOptions, type EvaluateProgress, type Evaluation, evaluate } from "./evaluation/evaluate.ts";
export { type ExtractOptions, type ExtractProgress, extractFeatures } from "./evaluation/fit/extract-features.ts";
export type { FeatureTable } from "./evaluation/fit/feature-table.ts";
export type { FitCase, FitData, FitFailure } from "./evaluation/fit/fit-data.ts";
export {
  type FitComparison,
  type FitOptions,
  type FitQuality,
  type FitResult,
  fitHead,
} from "./evaluation/fit/fit-head.ts";
export { type FitModelOptions, type FitProgress, type FitReport, fitModel } from "./evaluation/fit/fit-model.ts";
export type { RidgeTrial } from "./evaluation/fit/ridge.ts";
export type { BenchmarkMeasures, Interval } from "./evaluation/measures/measure.ts";
export { type BenchmarkRequest, StrictStop } from "./evaluation/open-benchmark.ts";
export type { RowProblem } from "./evaluation/read-cases.ts";
export { renderHtml } from "./evaluation/report/html.ts";
export type { BenchmarkReport, EvaluationReport } from "./evaluation/report.ts";
export { prepareReportFolder, type WrittenReport, writeReport } from "./evaluation/write-report.ts";
export { type HeldOutput, type HoldOptions, holdOutput } from "./files/hold-output.ts";
export type { FitRecord } from "./gguf/fit-record.ts";
export type { TypeFallback, WeightTypes } from "./gguf/weight-types.ts";
export type { PullProgress } from "./hub/progress.ts";
export { type PullOptions, type PullResult, pull } from "./hub/pull.ts";
export { type HeadInspection, type InspectOptions, type InspectResult, inspectModel } from "./inspect.ts";
export {
  type ConvertOptions,
  type ConvertResult,
  convert,
  type QuantizeModelOptions,
  quantize,
  weightTypes,
} from "./make-gguf.ts";
export type { SplitMode } from "./native/addon.ts";
export type { BackendReason, GpuChoice } from "./native/engine.ts";
export { LLAMA_VERSION } from "./native/runtime-folder.ts";
export { packageVersion } from "./package-info.ts";
export type { ItemRules } from "./prompt/input-fields.ts";
export type {
  ChatMessage,
  ChatRole,
  CheckedItem,
  MessagesItem,
  PromptResponseItem,
  ScoreItem,
  TextItem,
} from "./prompt/items.ts";
export { CONTENT_FIELDS, type RowItems, rowItems } from "./prompt/row-items.ts";
export { isTemplateDate, type TemplateDateUse } from "./prompt/template-date.ts";
export type { SpecialTokens } from "./prompt/templates.ts";
export { type ItemWarning, type WarningCode, WarningTally } from "./prompt/warnings.ts";
export type { RewardHead } from "./reward-head.ts";
export { type Compression, compressionOf, decompressed } from "./rows/compression.ts";
export { WHO_READS_WHAT } from "./rows/input-head.ts";
export { readJsonRows, type SourceRow } from "./rows/json-rows.ts";
export { type OpenRowsOptions, openRows, type RowFile } from "./rows/open-rows.ts";
export type { Row } from "./rows/row.ts";
export { headNotice } from "./scoring/head-notice.ts";
export type { KernelInfo } from "./scoring/kernel-plan.ts";
export { batchModes, gpuChoices, splitModes } from "./scoring/load-options.ts";
export { loadRewardModel } from "./scoring/load-reward-model.ts";
export { modelNotices } from "./scoring/model-notices.ts";
export {
  type LoadTokenizerOptions,
  loadTokenizer,
  specialTokenChoices,
  tokenizationModes,
} from "./scoring/open-tokenizer.ts";
export { predictMemory } from "./scoring/predict-memory.ts";
export type { PromptOptions, PromptRanking } from "./scoring/prompt-ranking.ts";
export { ranksOf } from "./scoring/ranks.ts";
export { RewardModel } from "./scoring/reward-model.ts";
export { RewardTokenizer, type TokenizedOutcome, type TokenizeOptions } from "./scoring/reward-tokenizer.ts";
export type {
  BatchMode,
  FeatureOptions,
  FeatureOutcome,
  FeatureResult,
  LoadRewardModelOptions,
  MemoryPrediction,
  PredictedPlacement,
  RankedResponse,
  RewardModelInfo,
  ScoreFailure,
  ScoreOptions,
  ScoreOutcome,
  ScoreProgress,
  ScoreResult,
  TokenizationMode,
  TokenizedItem,
  TokenRewards,
} from "./scoring/types.ts";
export { type ReplaceHeadOptions, replaceHead, type WriteHeadOptions, writeHead } from "./write-head.ts";
