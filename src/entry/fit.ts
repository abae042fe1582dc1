/** `starling-rm/fit`: fits reward heads to preferences, and writes them. */

export { type ExtractOptions, extractFeatures } from "../evaluation/fit/extract-features.ts";
export { FeatureTable } from "../evaluation/fit/feature-table.ts";
export type { FitCase, FitData, FitFailure } from "../evaluation/fit/fit-data.ts";
export {
  type FitComparison,
  type FitOptions,
  type FitQuality,
  type FitResult,
  fitHead,
} from "../evaluation/fit/fit-head.ts";
export { type FitModelOptions, type FitReport, fitModel } from "../evaluation/fit/fit-model.ts";
export type { RidgeTrial } from "../evaluation/fit/ridge.ts";
export { type ReplaceHeadOptions, replaceHead, type WriteHeadOptions, writeHead } from "../write-head.ts";
