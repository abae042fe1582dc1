/** Compares evaluations that were written to files: the same cases, scored by two or more models. */
import { InvalidInputError } from "../errors.ts";
import { aSignal, checkOptions, given, takesOnlyOptions } from "../options.ts";
import { packageVersion } from "../package-info.ts";
import type { BenchmarkName, ScoredCase } from "./case.ts";
import { mean, measureAccuracy } from "./measures/accuracy.ts";
import { type Flip, findFlips } from "./measures/flips.ts";
import { checkCases, scoreOfficially } from "./measures/measure.ts";
import { measurePaired } from "./measures/paired.ts";
import { measureScoreDifference } from "./measures/paired-score.ts";
import { readRun, type WrittenRun } from "./read-run.ts";
import type { BenchmarkReport, EvaluationReport } from "./report.ts";
import type { BenchmarkComparison, RunsComparison } from "./runs-comparison.ts";
import { noticesOf } from "./runs-notices.ts";

/** Options of compareRuns(). */
export interface CompareRunsOptions {
  /** Two or more: report.json files of writeReport() or `eval --output`, or their folders. scores.jsonl must be beside each. */
  readonly reports: readonly string[];
  /** Aborts between two reports. */
  readonly signal?: AbortSignal;
}

const MAX_RUNS = 100;

/**
 * Compares evaluations by the cases that all of them have: the same row of the same file, by its SHA-256.
 *
 * @throws InvalidInputError if the runs have no benchmark or no case in common, or read a row differently; FileError for files
 *   that cannot be read; the signal's reason
 */
export async function compareRuns(options: CompareRunsOptions): Promise<RunsComparison> {
  takesOnlyOptions("compareRuns", arguments);
  const areReports = (value: unknown) =>
    Array.isArray(value) &&
    value.length >= 2 &&
    value.length <= MAX_RUNS &&
    value.every((one) => typeof one === "string")
      ? undefined
      : `a list of 2 to ${MAX_RUNS} paths of reports`;
  const checks = { reports: areReports, signal: aSignal };
  const { reports, signal } = checkOptions("compareRuns", options, checks, ["reports"]);
  const runs: WrittenRun[] = [];
  for (const path of reports) {
    signal?.throwIfAborted();
    runs.push(await readRun(path));
  }
  signal?.throwIfAborted();
  const [first] = runs as [WrittenRun];
  const shared = first.report.benchmarks.filter(({ benchmark }) => runs.every(({ report }) => find(report, benchmark)));
  if (shared.length === 0) throw refused(`the reports have no benchmark in common: ${runs.map(namesOf).join("; ")}`);
  const lists = shared.map(({ benchmark }) => commonCases(benchmark, runs));
  const benchmarks = lists.map(compareBenchmark);
  return {
    formatVersion: 1,
    version: packageVersion(),
    runs: runs.map(({ name, report: { model, settings } }, i) => {
      const known = benchmarks.flatMap(({ measures }) => measures[i]?.accuracy ?? []);
      return { report: name, model, settings, ...(known.length === benchmarks.length && { accuracy: mean(known) }) };
    }),
    benchmarks,
    notices: noticesOf(
      runs,
      benchmarks,
      lists.map(({ cases }) => cases),
    ),
  };
}

function find({ benchmarks }: EvaluationReport, name: BenchmarkName): BenchmarkReport | undefined {
  return benchmarks.find(({ benchmark }) => benchmark === name);
}

function namesOf({ name, report }: WrittenRun): string {
  return `${name} has ${report.benchmarks.map(({ benchmark }) => benchmark).join(", ") || "none"}`;
}

function refused(why: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", `Nothing can be compared: ${why}.`);
}

interface KeyedRun {
  readonly run: WrittenRun;
  readonly report: BenchmarkReport;
  readonly cases: ReadonlyMap<string, ScoredCase>;
}

/** One benchmark in all runs. */
interface CommonCases {
  readonly benchmark: BenchmarkName;
  readonly runs: readonly KeyedRun[];
  /** Of each run, the cases that all have, in one order. */
  readonly cases: readonly (readonly ScoredCase[])[];
}

function commonCases(benchmark: BenchmarkName, runs: readonly WrittenRun[]): CommonCases {
  const keyed = runs.map((run): KeyedRun => {
    const at = run.report.benchmarks.findIndex((one) => one.benchmark === benchmark);
    const report = run.report.benchmarks[at] as BenchmarkReport;
    const keyOf = caseKeys(report);
    return { run, report, cases: new Map((run.cases[at] ?? []).map((scored) => [keyOf(scored), scored])) };
  });
  const [first, ...others] = keyed as [KeyedRun, ...KeyedRun[]];
  const keys = [...first.cases.keys()].filter((key) => others.every(({ cases }) => cases.has(key)));
  if (keys.length === 0) {
    const from = keyed.map(
      ({ run, report }) => `${run.name} read ${report.sources.map(({ name }) => name).join(", ") || "nothing"}`,
    );
    throw refused(
      `no case of ${benchmark} is in all reports (${from.join("; ")}); evaluate the models on the same files and rows`,
    );
  }
  const lists = keyed.map(({ cases }) => keys.map((key) => cases.get(key) as ScoredCase));
  for (const list of lists) checkCases(list);
  const [base, ...later] = lists as [ScoredCase[], ...ScoredCase[][]];
  for (const [i, list] of later.entries())
    checkSameRows(base, list, first.run.name, (others[i] as KeyedRun).run.name, benchmark);
  return { benchmark, runs: keyed, cases: lists };
}

function compareBenchmark({ benchmark, runs, cases }: CommonCases): BenchmarkComparison {
  const [base, ...later] = cases as [readonly ScoredCase[], ...(readonly ScoredCase[])[]];
  const flips = later.map((list) => findFlips(base, list));
  const [only] = flips;
  return {
    benchmark,
    title: (runs[0] as KeyedRun).report.title,
    common: base.length,
    cases: runs.map((run) => run.cases.size),
    measures: cases.map((list) => {
      const { accuracy, interval, prompts, comparisons } = measureAccuracy(list);
      const officialScore = scoreOfficially(benchmark, list);
      return { ...given({ accuracy, interval, officialScore }), prompts, comparisons };
    }),
    differences: later.map((list, i) => ({
      run: i + 1,
      ...measurePaired(base, list),
      onlyFirstRight: flips[i]?.filter(({ gain }) => gain < 0).length ?? 0,
      onlyThisRight: flips[i]?.filter(({ gain }) => gain > 0).length ?? 0,
      ...given({ officialScore: measureScoreDifference(benchmark, base, list) }),
    })),
    ...(runs.length === 2 && only !== undefined && { flips: withTexts(only, runs) }),
  };
}

/** By the file's hash and the row; a file that was read twice counts twice. */
function caseKeys({ sources }: BenchmarkReport): (place: Pick<ScoredCase, "source" | "row">) => string {
  const seen = new Map<string, number>();
  const names = sources.map(({ sha256 }) => {
    const before = seen.get(sha256) ?? 0;
    seen.set(sha256, before + 1);
    return `${sha256}/${before}`;
  });
  return ({ source, row }) => `${names[source]}/${row}`;
}

/** The same row can be read in several ways, such as with another --field or by another version. */
function checkSameRows(
  first: readonly ScoredCase[],
  other: readonly ScoredCase[],
  firstName: string,
  otherName: string,
  benchmark: BenchmarkName,
): void {
  for (const [i, a] of first.entries()) {
    const b = other[i] as ScoredCase;
    const isSame =
      a.scores.length === b.scores.length &&
      a.prompt === b.prompt &&
      JSON.stringify([a.comparisons, a.grades, a.lengths]) === JSON.stringify([b.comparisons, b.grades, b.lengths]);
    if (!isSame)
      throw refused(
        `row ${a.row} of ${benchmark} was read differently in ${firstName} and ${otherName}; evaluate both with the same options and version`,
      );
  }
}

/** Reports have the texts of their worst mistakes only. */
function withTexts(flips: readonly Flip[], runs: readonly KeyedRun[]): Flip[] {
  const texts = new Map<string, Pick<Flip, "prompt" | "better" | "worse">>();
  for (const { report } of [...runs].reverse()) {
    const keyOf = caseKeys(report);
    for (const { prompt, better, worse, ...place } of report.mistakes)
      texts.set(keyOf(place), { prompt, better: better.text, worse: worse.text });
  }
  const keyOf = caseKeys((runs[0] as KeyedRun).report);
  return flips.map((flip) => ({ ...flip, ...texts.get(keyOf(flip)) }));
}
