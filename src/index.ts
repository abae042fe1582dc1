/** The public interface of starling-rm. */

export { profileChoices } from "./convert/options.ts";
export { type DiagnoseOptions, type Diagnosis, diagnose, type ModelDiagnosis } from "./doctor/diagnose.ts";
export type { Lack } from "./doctor/lacks.ts";
export type { DeviceFinding, RuntimeFinding } from "./doctor/runtimes.ts";
export { type EmbeddedModelOptions, embeddedCheckpoint, embeddedModelPath } from "./embedded-model.ts";
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
export { type BenchmarkName, benchmarkNames, type Comparison, type ScoredCase } from "./evaluation/case.ts";
export type { BenchmarkMeasures, Interval } from "./evaluation/measures/measure.ts";
export { renderHtml } from "./evaluation/report/html.ts";
export type { BenchmarkReport, EvaluationReport } from "./evaluation/report.ts";
export { type PullOptions, type PullResult, pull } from "./hub/pull.ts";
export type { PullProgress } from "./hub/tally.ts";
export { type InspectOptions, type InspectResult, inspectModel } from "./inspect.ts";
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
export type { ChatMessage, ChatRole, MessagesItem, PromptResponseItem, ScoreItem, TextItem } from "./prompt/items.ts";
export type { SpecialTokens } from "./prompt/templates.ts";
export { batchModes, gpuChoices, splitModes } from "./scoring/load-options.ts";
export { predictMemory } from "./scoring/predict-memory.ts";
export type { PromptOptions, PromptRanking } from "./scoring/prompt-ranking.ts";
export { ranksOf } from "./scoring/ranks.ts";
export { loadRewardModel, RewardModel } from "./scoring/reward-model.ts";
export {
  type LoadTokenizerOptions,
  loadTokenizer,
  RewardTokenizer,
  specialTokenChoices,
  tokenizationModes,
} from "./scoring/reward-tokenizer.ts";
export type {
  BatchMode,
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
