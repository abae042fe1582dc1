/** Writes an evaluation to a folder. */
import { join } from "node:path";
import { FileError } from "../errors.ts";
import { notWritable } from "../files/file-errors.ts";
import { FileLock } from "../files/file-lock.ts";
import { makeFolder } from "../files/make-folder.ts";
import { writeWhole } from "../files/output-file.ts";
import { codeOf } from "../files/system-errors.ts";
import { findTarget } from "../files/target.ts";
import { TemporaryFile } from "../files/temporary-file.ts";
import { aString, type Check, checkOptions, takesOnlyOptions } from "../options.ts";
import type { Evaluation } from "./evaluate.ts";
import { renderHtml } from "./report/html.ts";

/** The files of a report. */
export interface WrittenReport {
  /** The report as JSON. */
  readonly json: string;
  /** The report as one self-contained HTML page. */
  readonly html: string;
  /** One JSON line per case: position, scores, token counts, grades. */
  readonly scores: string;
}

function pathsIn(folder: string): WrittenReport {
  return {
    json: join(folder, "report.json"),
    html: join(folder, "report.html"),
    scores: join(folder, "scores.jsonl"),
  };
}

/**
 * Creates the folder and checks that files can be written there, before any work is done.
 *
 * @returns the paths that {@link writeReport} will write or replace
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function prepareReportFolder(folder: string): Promise<WrittenReport> {
  const paths = pathsIn(folder);
  try {
    makeFolder(folder);
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw notWritable(paths.json, cause);
    const message = `Cannot create the folder ${folder}: its path contains something that is not a folder.`;
    throw new FileError("ERR_FILE_NOT_WRITABLE", message, { file: folder, cause });
  }
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
}

const anEvaluation: Check = (value) => {
  const { report, cases } = (value ?? {}) as Partial<Evaluation>;
  return typeof report?.model?.name === "string" && Array.isArray(report.benchmarks) && Array.isArray(cases)
    ? undefined
    : "the result of evaluate()";
};

/**
 * Writes report.json, report.html and scores.jsonl, each atomically; existing files are replaced.
 *
 * @returns their paths
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function writeReport(options: WriteReportOptions): Promise<WrittenReport> {
  takesOnlyOptions("writeReport", arguments);
  options = checkOptions("writeReport", options, { folder: aString, evaluation: anEvaluation }, [
    "folder",
    "evaluation",
  ]);
  const { folder, evaluation } = options;
  const { report, cases } = evaluation;
  const paths = await prepareReportFolder(folder);
  const lines = cases.flatMap((scored, i) =>
    scored.map((one) => `${JSON.stringify({ benchmark: report.benchmarks[i]?.benchmark, ...one })}\n`),
  );
  // Keeps the three files of one evaluation together.
  const lock = await FileLock.acquire(join(folder, ".report.lock")).catch((cause) => {
    throw notWritable(paths.json, cause);
  });
  try {
    await writeWhole(paths.json, `${JSON.stringify(report, undefined, 2)}\n`);
    await writeWhole(paths.html, renderHtml(report));
    await writeWhole(paths.scores, lines.join(""));
  } finally {
    await lock.release();
  }
  return paths;
}
