/**
 * `starling-rm/eval`: measures how often a model prefers the better response, and reads files of rows.
 *
 * @module eval
 */

export { type Benchmark, type BenchmarkSource, benchmarks } from "../evaluation/benchmarks.ts";
export type { BenchmarkName, Comparison, ScoredCase } from "../evaluation/case.ts";
export {
  type ComparedModel,
  type CompareOptions,
  type ComparisonReport,
  compareModels,
} from "../evaluation/compare.ts";
export { type CompareRunsOptions, compareRuns } from "../evaluation/compare-runs.ts";
export { type Evaluation, evaluate } from "../evaluation/evaluate.ts";
export type { EvaluateOptions, EvaluationProgress } from "../evaluation/evaluate-options.ts";
export type { AccuracyMeasures, SubsetMeasures } from "../evaluation/measures/accuracy.ts";
export type { Agreement, Differences, OrderAgreement } from "../evaluation/measures/agreement.ts";
export type { BestOfNCurve, BestOfNPoint } from "../evaluation/measures/best-of-n.ts";
export type { AccuracyBin } from "../evaluation/measures/bins.ts";
export type { Breakdown, GroupMeasures } from "../evaluation/measures/breakdown.ts";
export type {
  CalibrationBin,
  CalibrationMeasures,
  NoiseBand,
  StoredCalibrationLoss,
} from "../evaluation/measures/calibration.ts";
export type { ConsistencyMeasures } from "../evaluation/measures/consistency.ts";
export type { Flip } from "../evaluation/measures/flips.ts";
export type { Correlation, LengthGroup, LengthMeasures, LengthVerdict } from "../evaluation/measures/length.ts";
export type { Histogram, MarginMeasures } from "../evaluation/measures/margins.ts";
export type { BenchmarkMeasures, Interval, OfficialScore } from "../evaluation/measures/measure.ts";
export type { JudgedText, Mistake } from "../evaluation/measures/mistakes.ts";
export type { PairCalibration } from "../evaluation/measures/pair-calibration.ts";
export type { PairedDifference } from "../evaluation/measures/paired.ts";
export type { ScoreDifference } from "../evaluation/measures/paired-score.ts";
export type { PpeCorrectness, PpeHuman, PpeRocAuc, PpeScore } from "../evaluation/measures/ppe.ts";
export type { ModelAgreement } from "../evaluation/measures/ppe-models.ts";
export type { RankingMeasures } from "../evaluation/measures/ranking.ts";
export type { RewardBenchScore, SectionScore } from "../evaluation/measures/reward-bench.ts";
export type { RewardBench2Score, TiesScore } from "../evaluation/measures/reward-bench-2.ts";
export type { RmBenchAccuracies, RmBenchDomain, RmBenchScore } from "../evaluation/measures/rm-bench.ts";
export type { ScoreDistribution, ScoreSide } from "../evaluation/measures/score-distribution.ts";
export type { FlipMeasures, ScoreSpread, Share, ShiftMeasures, ShiftsOfProbe } from "../evaluation/measures/shifts.ts";
export type {
  ModelStanding,
  ModelStrength,
  StrengthInterval,
  StrengthMeasures,
} from "../evaluation/measures/strengths.ts";
export { type BenchmarkRequest, StrictStop } from "../evaluation/open-benchmark.ts";
export type { LoadSettings } from "../evaluation/open-model.ts";
export { type PreferenceAdapter, preferenceAdapters } from "../evaluation/preference-adapters.ts";
export { probe, probes } from "../evaluation/probe/probe.ts";
export type { ProbeOptions } from "../evaluation/probe/probe-options.ts";
export type { Probe, ProbedText, ProbeMeasures, ProbeReport } from "../evaluation/probe/report.ts";
export type { Expectation } from "../evaluation/probe/transformations/transformation.ts";
export type { RowProblem } from "../evaluation/read-cases.ts";
export { renderComparison } from "../evaluation/report/comparison-page.ts";
export { renderHtml } from "../evaluation/report/html.ts";
export type {
  BenchmarkReport,
  EvaluationReport,
  Incomplete,
  ReportedModel,
  ReportedProblem,
  ReportedSettings,
  ReportedSource,
  RowCounts,
  TruncatedResponse,
} from "../evaluation/report.ts";
export type {
  BenchmarkComparison,
  ComparedRun,
  RunDifference,
  RunsComparison,
} from "../evaluation/runs-comparison.ts";
export { type WriteReportOptions, type WrittenReport, writeReport } from "../evaluation/write-report.ts";
export { type OpenRowsOptions, openRows, type RowFile } from "../rows/open-rows.ts";
export type { Row } from "../rows/row.ts";
