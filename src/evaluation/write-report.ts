/** Writes an evaluation to a folder. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { notWritable } from "../files/file-errors.ts";
import { FileLock } from "../files/file-lock.ts";
import { makeOutputFolder } from "../files/make-folder.ts";
import { writeWhole } from "../files/output-file.ts";
import { findTarget } from "../files/target.ts";
import { TemporaryFile } from "../files/temporary-file.ts";
import { aString, type Check, checkOptions, takesOnlyOptions } from "../options.ts";
import type { Evaluation } from "./evaluate.ts";
import { renderHtml } from "./report/html.ts";
import { type EvaluationReport, isReport } from "./report.ts";
import { type ScoreTableFormat, scoreTable, scoreTableFormats } from "./score-table.ts";

/** The files of a report. */
export interface WrittenReport {
  /** The report as JSON. */
  readonly json: string;
  /** The report as one self-contained HTML page. */
  readonly html: string;
  /** One JSON line per case: position, scores, token counts, grades. */
  readonly scores: string;
  /** All scores as CSV, one row a response; only if asked for. */
  readonly csv?: string;
  /** The same as parquet. */
  readonly parquet?: string;
}

function pathsIn(folder: string, tables: readonly ScoreTableFormat[]): WrittenReport {
  const table = (format: ScoreTableFormat) =>
    tables.includes(format) ? { [format]: join(folder, `scores.${format}`) } : {};
  return {
    json: join(folder, "report.json"),
    html: join(folder, "report.html"),
    scores: join(folder, "scores.jsonl"),
    ...table("csv"),
    ...table("parquet"),
  };
}

/**
 * Creates the folder and checks that files can be written there, before any work is done.
 *
 * @returns the paths that {@link writeReport} will write or replace
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function prepareReportFolder(
  folder: string,
  tables: readonly ScoreTableFormat[] = [],
): Promise<WrittenReport> {
  const paths = pathsIn(folder, tables);
  makeOutputFolder(folder, paths.json);
  for (const path of Object.values(paths)) await findTarget(path, true);
  const attempt = await TemporaryFile.create(paths.json);
  await attempt.discard();
  return paths;
}

/** Options of writeReport(). */
export interface WriteReportOptions {
  /** Created if missing. */
  readonly folder: string;
  /** The result of evaluate(). */
  readonly evaluation: Evaluation;
  /** Further files with all scores, one row a response: scores.csv, scores.parquet. Default: none. */
  readonly tables?: readonly ("csv" | "parquet")[];
}

const areTables: Check = (value) =>
  Array.isArray(value) && value.every((format) => scoreTableFormats.includes(format))
    ? undefined
    : `a list of ${scoreTableFormats.map((format) => `"${format}"`).join(" and ")}`;

const anEvaluation: Check = (value) => {
  const { report, cases } = (value ?? {}) as Partial<Evaluation>;
  return isReport(report) && Array.isArray(cases) ? undefined : "the result of evaluate()";
};

/**
 * Writes report.json, report.html and scores.jsonl, and the tables that were asked for, each atomically; existing files are replaced.
 *
 * @returns their paths
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function writeReport(options: WriteReportOptions): Promise<WrittenReport> {
  takesOnlyOptions("writeReport", arguments);
  options = checkOptions("writeReport", options, { folder: aString, evaluation: anEvaluation, tables: areTables }, [
    "folder",
    "evaluation",
  ]);
  const { folder, evaluation, tables = [] } = options;
  const { report, cases } = evaluation;
  const paths = await prepareReportFolder(folder, tables);
  const lines = cases
    .flatMap((scored, i) =>
      scored.map((one) => `${JSON.stringify({ benchmark: report.benchmarks[i]?.benchmark, ...one })}\n`),
    )
    .join("");
  // A folder can be copied in parts, or a file replaced: readRun() finds scores that are not those of the report.
  const named: EvaluationReport = { ...report, scoresSha256: createHash("sha256").update(lines).digest("hex") };
  // Keeps the files of one evaluation together.
  const lock = await FileLock.acquire(join(folder, ".report.lock")).catch((cause) => {
    throw notWritable(paths.json, cause);
  });
  try {
    await writeWhole(paths.json, `${JSON.stringify(named, undefined, 2)}\n`);
    await writeWhole(paths.html, renderHtml(report));
    await writeWhole(paths.scores, lines);
    if (paths.csv !== undefined) await writeWhole(paths.csv, scoreTable(evaluation, "csv"));
    if (paths.parquet !== undefined) await writeWhole(paths.parquet, scoreTable(evaluation, "parquet"));
  } finally {
    await lock.release();
  }
  return paths;
}
