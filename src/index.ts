/**
 * `starling-rm`: loads reward models; scores, ranks and tokenises with them. The rest of the public interface is in
 * `starling-rm/convert`, `starling-rm/eval`, `starling-rm/fit`, `starling-rm/hub` and `starling-rm/server`; `starling-rm/ai` and
 * `starling-rm/langchain` are for other libraries.
 *
 * @module starling-rm
 */

export { type DiagnoseOptions, type Diagnosis, diagnose, type ModelDiagnosis } from "./doctor/diagnose.ts";
export type { DiagnosisProblem } from "./doctor/find-problems.ts";
export type { DeviceFinding, RuntimeFinding } from "./doctor/runtimes.ts";
export type { EmbeddedModelOptions } from "./embedded-model.ts";
export type { ErrorCode, StarlingErrorJson, StarlingErrorOptions } from "./errors.ts";
export {
  FileError,
  HubError,
  InvalidInputError,
  isStarlingError,
  ModelClosedError,
  NativeError,
  StarlingError,
} from "./errors.ts";
export type { FitRecord } from "./gguf/fit-record.ts";
export type { Normalization } from "./gguf/head-metadata.ts";
export type { ItemRow, ReadItemsOptions } from "./inputs/item-source.ts";
export { readItems } from "./inputs/read-items.ts";
export { embeddedModelPath } from "./model-path.ts";
export type { SplitMode } from "./native/addon.ts";
export type { BackendReason, GpuChoice } from "./native/engine.ts";
export type { MachineDescription } from "./native/machine.ts";
export type { Backend, GpuBackend } from "./native/platforms.ts";
export type {
  ConvertProgress,
  DownloadProgress,
  ExtractProgress,
  FitProgress,
  HashProgress,
  LoadProgress,
  Progress,
  ReadProgress,
  ScoreProgress,
  WriteProgress,
} from "./progress.ts";
export type { FieldMapping } from "./prompt/field-map.ts";
export type { ItemRules } from "./prompt/input-fields.ts";
export type { CheckedItem, MessagesItem, PromptResponseItem, ScoreItem, TextItem } from "./prompt/items.ts";
export type { ChatMessage, ChatRole, MessageInput, TextPart } from "./prompt/messages.ts";
export type { SpecialTokens } from "./prompt/templates.ts";
export type { ItemWarning, WarningCode } from "./prompt/warnings.ts";
export type { Activation, HiddenLayer, RewardHead, ScoreDirection } from "./reward-head.ts";
export type { ConversationInput } from "./scoring/conversation-argument.ts";
export { loadRewardModel } from "./scoring/load-reward-model.ts";
export type { KernelInfo, MemoryPrediction, PredictedPlacement, RewardModelInfo } from "./scoring/model-info.ts";
export { modelNotices } from "./scoring/model-notices.ts";
export { type LoadTokenizerOptions, loadTokenizer } from "./scoring/open-tokenizer.ts";
export { predictMemory } from "./scoring/predict-memory.ts";
export type { PromptOptions, PromptRanking, PromptScoreOptions } from "./scoring/prompt-ranking.ts";
export { RewardModel } from "./scoring/reward-model.ts";
export { RewardTokenizer, type TokenizeOptions, type TokenizerSettings } from "./scoring/reward-tokenizer.ts";
export type {
  BatchMode,
  FeatureOptions,
  FeatureOutcome,
  FeatureResult,
  KernelChoice,
  LoadRewardModelOptions,
  RankedResponse,
  RankOptions,
  ScoreFailure,
  ScoreOptions,
  ScoreOutcome,
  ScoreResult,
  TokenizationMode,
  TokenizedItem,
  TokenRewards,
} from "./scoring/types.ts";
