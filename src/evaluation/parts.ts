/** An evaluation in parts, one for each file: what a part leaves behind is enough to make the report on all of them. */
import { given } from "../options.ts";
import { benchmarks } from "./benchmarks.ts";
import type { BenchmarkName, ScoredCase } from "./case.ts";
import { assemble, MAX_LISTED_TRUNCATIONS, runBenchmark } from "./evaluate.ts";
import { type EvaluateOptions, evaluationSettings } from "./evaluate-options.ts";
import { incompleteOf } from "./incomplete.ts";
import { rowKey } from "./item-texts.ts";
import { measureBenchmark } from "./measures/measure.ts";
import { worstOf } from "./measures/mistakes.ts";
import { type BenchmarkRequest, MAX_REPORTED_PROBLEMS, OpenBenchmark } from "./open-benchmark.ts";
import { type OpenModel, openModel } from "./open-model.ts";
import { ProblemKinds } from "./problem-kinds.ts";
import type { BenchmarkReport, EvaluationReport, ReportedModel, ReportedSettings, RowCounts } from "./report.ts";

/** What is known of a part, besides its scored cases. */
export interface EvaluatedPart
  extends Pick<
    BenchmarkReport,
    "benchmark" | "sources" | "rows" | "mistakes" | "truncatedResponses" | "truncated" | "problems"
  > {
  readonly model: ReportedModel;
  readonly settings: Omit<ReportedSettings, "seed" | "limit">;
}

export type PartOptions = Pick<
  EvaluateOptions,
  | "modelPath"
  | "load"
  | "strict"
  | "ignoreFields"
  | "differentPrompts"
  | "cacheFolder"
  | "onProblem"
  | "onProgress"
  | "onNotice"
  | "signal"
>;

/** A model that evaluates one part after another. */
export class PartEvaluator {
  readonly model: OpenModel;

  private constructor(model: OpenModel) {
    this.model = model;
  }

  /** @throws as evaluate() */
  static async open(options: PartOptions): Promise<PartEvaluator> {
    const { modelPath, load = {}, onNotice, onProgress, signal } = options;
    const { cacheFolder } = evaluationSettings(options);
    const progress = (phase: "hashing" | "loading", fraction: number) => onProgress?.({ phase, fraction });
    return new PartEvaluator(await openModel({ modelPath, load, cacheFolder, onProgress: progress, onNotice, signal }));
  }

  /** All cases of the request: a sample of a part would be none of the whole. @throws as evaluate() */
  async evaluate(
    request: BenchmarkRequest,
    options: PartOptions,
  ): Promise<{ readonly part: EvaluatedPart; readonly cases: readonly ScoredCase[]; readonly warnings: number }> {
    const settings = evaluationSettings({ ...options, limit: "all" });
    const opened = await OpenBenchmark.open(request, { ...settings, onNotice: options.onNotice });
    const { report, cases } = await runBenchmark(opened, this.model, options, settings);
    const { benchmark, sources, rows, mistakes, truncatedResponses, truncated, problems } = report;
    const { reported: model, settings: computed } = this.model;
    const lists = { mistakes, truncatedResponses, truncated, problems };
    const part = { benchmark, model, settings: computed, sources, rows, ...lists };
    return { part, cases, warnings: opened.warnings().length };
  }

  close(): Promise<void> {
    return this.model.close();
  }
}

/**
 * The report on all parts, in their order: the same as that of one evaluation of all files with `limit: "all"`.
 *
 * @param seed that the report names; nothing is sampled
 * @returns undefined without parts
 */
export function mergeParts(
  parts: readonly { readonly part: EvaluatedPart; readonly cases: readonly ScoredCase[] }[],
  seed: number,
): EvaluationReport | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  let source = 0;
  const placed = parts.map(({ part, cases }) => {
    const before = source;
    source += part.sources.length;
    const moved = <T extends { readonly source: number }>(list: readonly T[]): T[] =>
      list.map((one) => ({ ...one, source: one.source + before }));
    const { mistakes, truncated, problems } = part;
    const own = cases.map((scored) => withKey(scored, scored.source + before));
    return {
      cases: moved(own),
      ...{ mistakes: moved(mistakes), truncated: moved(truncated), problems: moved(problems) },
    };
  });
  const { benchmark } = first.part;
  const rows = sumOfRows(parts.map(({ part }) => part.rows));
  const { title, card, notice } = benchmarks[benchmark];
  const report: BenchmarkReport = {
    ...{ benchmark, title, ...given({ notice }) },
    sources: parts.flatMap(({ part }) => part.sources),
    rows,
    ...given({ card }),
    ...incompleteOf(rows),
    ...measureBenchmark(
      benchmark,
      placed.flatMap(({ cases }) => cases),
      [],
      first.part.model.calibration,
    ),
    mistakes: worstOf(placed.flatMap(({ mistakes }) => mistakes)),
    truncatedResponses: parts.reduce((sum, { part }) => sum + part.truncatedResponses, 0),
    truncated: placed.flatMap(({ truncated }) => truncated).slice(0, MAX_LISTED_TRUNCATIONS),
    problems: placed.flatMap(({ problems }) => problems).slice(0, MAX_REPORTED_PROBLEMS),
  };
  const { model: reported, settings } = first.part;
  return assemble({ reported, settings }, [report], { seed, limit: undefined });
}

/** Rows without a known prompt are keyed by their place, which is another among all parts. */
function withKey(scored: ScoredCase, source: number): ScoredCase {
  return scored.prompt === rowKey(scored.source, scored.row)
    ? { ...scored, prompt: rowKey(source, scored.row) }
    : scored;
}

function sumOfRows(all: readonly RowCounts[]): RowCounts {
  const omitted: Record<string, number> = {};
  const sum = (name: Exclude<keyof RowCounts, "omitted" | "problems">) =>
    all.reduce((total, rows) => total + rows[name], 0);
  const problems = new ProblemKinds();
  for (const rows of all) {
    for (const [reason, count] of Object.entries(rows.omitted)) omitted[reason] = (omitted[reason] ?? 0) + count;
    for (const [message, count] of Object.entries(rows.problems)) problems.add(message, count);
  }
  return {
    read: sum("read"),
    omitted: Object.fromEntries(Object.entries(omitted).sort(([a], [b]) => (a < b ? -1 : 1))),
    ...{ broken: sum("broken"), cases: sum("cases"), sampled: sum("sampled"), failed: sum("failed") },
    problems: problems.counts(),
  };
}

/** A case as a line of JSON, which has no undefined grades and labels: {@link parseCase} reads it back. */
export function caseLine(benchmark: BenchmarkName, scored: ScoredCase): string {
  return `${JSON.stringify({ benchmark, ...scored })}\n`;
}

/** The case of a line that {@link caseLine} made. */
export function parseCase(line: string): ScoredCase {
  return caseOfRecord(JSON.parse(line));
}

/** @param record the parsed line */
export function caseOfRecord(record: ScoredCase & { readonly benchmark: BenchmarkName }): ScoredCase {
  const { benchmark: _, labels, models, ...scored } = record;
  return {
    ...scored,
    grades: scored.grades.map((grade) => grade ?? undefined),
    ...given({
      labels: labels?.map((label) => label ?? undefined),
      models: models?.map((model) => model ?? undefined),
    }),
  };
}
