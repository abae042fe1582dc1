/**
 * `starling-rm/fit`: fits reward heads to preferences, and writes them.
 *
 * @module fit
 */

export type { CaseResponse, PlacedCase, PromptCase } from "../evaluation/case.ts";
export type { CalibrationLoss, FitCalibration } from "../evaluation/fit/calibrate.ts";
export { type ExtractOptions, extractFeatures } from "../evaluation/fit/extract-features.ts";
export { FeatureTable } from "../evaluation/fit/feature-table.ts";
export type { FitCase, FitData, FitFailure, FitInput } from "../evaluation/fit/fit-data.ts";
export {
  type FitComparison,
  type FitOptions,
  type FitQuality,
  type FitResult,
  fitHead,
} from "../evaluation/fit/fit-head.ts";
export { type FitModelOptions, type FitReport, type FittedModel, fitModel } from "../evaluation/fit/fit-model.ts";
export type { RidgeTrial } from "../evaluation/fit/ridge.ts";
export {
  type ReplaceHeadOptions,
  replaceHead,
  type WriteHeadOptions,
  type WrittenHead,
  writeHead,
} from "../write-head.ts";
