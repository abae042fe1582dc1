/**
 * `starling-rm/convert`: makes GGUF files from checkpoints, quantises them, and describes either.
 *
 * @module convert
 */

export { type AttachOptions, type AttachResult, attach } from "../attach.ts";
export type { TrunkEvidence } from "../convert/attach-weights.ts";
export type { TokenizerFileSummary } from "../convert/metadata.ts";
export type { ScorePositionChoice } from "../convert/score-position.ts";
export type { TypeFallback, WeightTypes } from "../gguf/weight-types.ts";
export { type InspectOptions, inspectModel } from "../inspect.ts";
export type { HeadInspection, HeadSummary, InspectResult } from "../inspect-result.ts";
export { type KnownModel, knownModels, type PublishedNumber } from "../known-models.ts";
export { type ConvertOptions, type ConvertResult, convert, weightTypes } from "../make-gguf.ts";
export type { TemplateDateUse } from "../prompt/template-date.ts";
export { type QuantizeModelOptions, quantize } from "../quantize.ts";
