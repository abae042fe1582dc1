/**
 * Everything the command line uses beyond the public interface (src/index.ts and src/entry), in one list. All of it
 * may change without notice.
 */

export * from "../src/bounds.ts";
export { byteSize } from "../src/byte-units.ts";
export { type CacheEntry, listCache, pruneCache } from "../src/cache-entries.ts";
export { defaultCacheFolder as cacheFolder } from "../src/cache-folder.ts";
export { profileChoices } from "../src/convert/options.ts";
export { embeddedCheckpoint } from "../src/embedded-model.ts";
export { endProcess } from "../src/end-process.ts";
export type { CountedRow, Estimate, EstimateRate, TokenCount } from "../src/estimate/estimator.ts";
export { adapterNamed } from "../src/evaluation/adapter-named.ts";
export { benchmarkNames } from "../src/evaluation/case.ts";
export { type ModelHashOptions, modelHash } from "../src/evaluation/model-hash.ts";
export { caseLine, type EvaluatedPart, mergeParts, PartEvaluator, parseCase } from "../src/evaluation/parts.ts";
export { probeFilesIn } from "../src/evaluation/probe/probe-folder.ts";
export { problemShape } from "../src/evaluation/problem-kinds.ts";
export { runNames } from "../src/evaluation/report/comparison-page.ts";
export { type ScoreTableFormat, scoreTableFormats } from "../src/evaluation/score-table.ts";
export { writeComparison } from "../src/evaluation/write-comparison.ts";
export { prepareReportFolder } from "../src/evaluation/write-report.ts";
export type { LockHolder } from "../src/files/file-lock.ts";
export { isSameContent, recordFile } from "../src/files/file-record.ts";
export { holdOutput } from "../src/files/hold-output.ts";
export { OutputFile } from "../src/files/output-file.ts";
export { allPartNames, parsePartName } from "../src/files/part-names.ts";
export { type Checkpoint, type Fingerprint, type FoundRecord, RunRecord } from "../src/files/run-record.ts";
export { descriptorStats, fileKey, isDescriptor } from "../src/files/same-file.ts";
export { isDiskFull, systemReason } from "../src/files/system-errors.ts";
export { besideTarget } from "../src/files/target.ts";
export type { TemporaryFile } from "../src/files/temporary-file.ts";
export { writeAll } from "../src/files/write-all.ts";
export { findFiles } from "../src/inputs/find-files.ts";
export { type ItemRow, ItemSource } from "../src/inputs/item-source.ts";
export { openInput } from "../src/inputs/open-input.ts";
export { isOnHub, modelPathOf } from "../src/model-path.ts";
export { addonPath } from "../src/native/load-addon.ts";
export { LLAMA_VERSION, runtimeFolder } from "../src/native/runtime-folder.ts";
export { nearestValue } from "../src/options.ts";
export { packageRoot, packageVersion } from "../src/package-info.ts";
export { findPartitions } from "../src/partitions/find-partitions.ts";
export {
  isManifestName,
  MANIFEST_FORMAT,
  type Manifest,
  type ModelRecord,
  manifestPath,
  type PartitionCounts,
  type PartitionEngine,
  type PartitionRun,
  readManifest,
} from "../src/partitions/manifest.ts";
export { PartitionClaim } from "../src/partitions/partition-claim.ts";
export {
  PartitionFolder,
  type PartitionState,
  type PlacedPartition,
  RUN_FILE,
} from "../src/partitions/partition-folder.ts";
export { isTemplateDate } from "../src/prompt/template-date.ts";
export { WarningCounter } from "../src/prompt/warnings.ts";
export { decompressed } from "../src/rows/compression.ts";
export { type InputFormat, inputFormats, isDataFile } from "../src/rows/format.ts";
export { MAX_ROW_BYTES } from "../src/rows/json-splitter.ts";
export { jsonText } from "../src/rows/json-text.ts";
export type { SplitResult } from "../src/rows/split/split-file.ts";
export { wideEncodingOf } from "../src/rows/utf16.ts";
export { csvCell } from "../src/rows/write/csv-cell.ts";
export { batchModes, gpuChoices, kernelChoices, splitModes } from "../src/scoring/load-options.ts";
export { specialTokenChoices, tokenizationModes } from "../src/scoring/open-tokenizer.ts";
export { ranksOf } from "../src/scoring/ranks.ts";
export type { TokenizedOutcome } from "../src/scoring/reward-tokenizer.ts";
export { checkKeys, keysOfFile } from "../src/server/access/keys.ts";
export * from "../src/server/choices.ts";

/** Writers of parquet and zstd: only some outputs need them. */
export const loadWriters = () => import("../src/rows/write/writers.ts");
/** Only estimate needs it. */
export const loadEstimator = () => import("../src/estimate/estimator.ts");
/** Only split needs it. */
export const loadSplitter = () => import("../src/rows/split/split-file.ts");
/** Only serve needs fastify. */
export const loadServer = () => import("../src/entry/server.ts");
