/** A folder with everything that an evaluation gave. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { notWritable, writeWhole } from "../files/temporary-file.ts";
import type { Evaluation } from "./evaluate.ts";
import { renderHtml } from "./report/html.ts";

export interface WrittenReport {
  /** The report as JSON. */
  readonly json: string;
  /** The same for people: one file that needs no other. */
  readonly html: string;
  /** A line for each case: where it stands, its scores, token counts and grades. */
  readonly scores: string;
}

const REPORT = "report.json";

/**
 * Makes the folder, so that a name that cannot be one is told before any work.
 *
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function prepareReportFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw notWritable(join(folder, REPORT), error);
  }
}

/**
 * Writes report.json, report.html and scores.jsonl, each of them whole or not at all; files of that name are replaced.
 *
 * @returns their paths
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function writeReport(folder: string, { report, cases }: Evaluation): Promise<WrittenReport> {
  await prepareReportFolder(folder);
  const paths = {
    json: join(folder, REPORT),
    html: join(folder, "report.html"),
    scores: join(folder, "scores.jsonl"),
  };
  const lines = cases.flatMap((scored, i) =>
    scored.map((one) => `${JSON.stringify({ benchmark: report.benchmarks[i]?.benchmark, ...one })}\n`),
  );
  await writeWhole(paths.json, `${JSON.stringify(report, undefined, 2)}\n`);
  await writeWhole(paths.html, renderHtml(report));
  await writeWhole(paths.scores, lines.join(""));
  return paths;
}
