/** `starling-rm/eval`: measures how often a model prefers the better response. */

export { type Benchmark, benchmarks } from "../evaluation/benchmarks.ts";
export type { BenchmarkName, Comparison, ScoredCase } from "../evaluation/case.ts";
export {
  type ComparedModel,
  type CompareOptions,
  type ComparisonReport,
  compareModels,
} from "../evaluation/compare.ts";
export { type Evaluation, evaluate } from "../evaluation/evaluate.ts";
export type { EvaluateOptions } from "../evaluation/evaluate-options.ts";
export type { Agreement, Differences, OrderAgreement } from "../evaluation/measures/agreement.ts";
export type { BenchmarkMeasures, Interval } from "../evaluation/measures/measure.ts";
export { type BenchmarkRequest, StrictStop } from "../evaluation/open-benchmark.ts";
export type { RowProblem } from "../evaluation/read-cases.ts";
export { renderHtml } from "../evaluation/report/html.ts";
export type { BenchmarkReport, EvaluationReport } from "../evaluation/report.ts";
export { type WriteReportOptions, type WrittenReport, writeReport } from "../evaluation/write-report.ts";
export { type OpenRowsOptions, openRows, type RowFile } from "../rows/open-rows.ts";
export type { Row } from "../rows/row.ts";
