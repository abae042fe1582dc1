/** Reads an evaluation back from the files that writeReport() wrote. */
import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError, InvalidInputError } from "../errors.ts";
import { readError } from "../files/file-errors.ts";
import { plural } from "../plural.ts";
import { isObject } from "../prompt/input-fields.ts";
import type { BenchmarkName, ScoredCase } from "./case.ts";
import { caseOfRecord } from "./parts.ts";
import { type EvaluationReport, isReport } from "./report.ts";

/** An evaluation that was written to files. */
export interface WrittenRun {
  /** As the caller named it. */
  readonly name: string;
  /** The report's file, without links: the same for one that is named twice. */
  readonly file: string;
  readonly report: EvaluationReport;
  /** Scored cases of each benchmark, in the order of `report.benchmarks`. */
  readonly cases: readonly (readonly ScoredCase[])[];
}

const REPORT = "report.json";
const SCORES = "scores.jsonl";
const FORMAT_VERSION: EvaluationReport["formatVersion"] = 1;

/**
 * @param path of a report, or of the folder that it is in
 * @throws FileError for files that cannot be read, or are not those of one evaluation
 */
export async function readRun(path: string): Promise<WrittenRun> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (cause) => {
      throw readError(path, cause);
    },
  );
  const file = isFolder ? join(path, REPORT) : path;
  const report = reportOf(file, (await bytesOf(file)).toString("utf8"));
  const scores = join(dirname(file), SCORES);
  const bytes = await bytesOf(scores);
  const lines = bytes.toString("utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  const cases: ScoredCase[][] = [];
  let at = 0;
  for (const { benchmark, cases: count } of report.benchmarks) {
    const own = lines.slice(at, at + count);
    cases.push(own.map((line, i) => caseOf(line, benchmark, `${scores}, line ${at + i + 1}`)));
    if (own.length < count)
      throw strange(scores, `${file} counts ${plural(count, "case")} of ${benchmark}, but ${SCORES} has ${own.length}`);
    at += count;
  }
  if (at < lines.length)
    throw strange(scores, `${file} counts ${plural(at, "case")}, but ${SCORES} has ${lines.length}`);
  checkHash(report, file, bytes, scores);
  return { name: path, file: await realpath(file), report, cases };
}

/** Scores of another model may be as many, of the same rows, and as often right. */
function checkHash({ scoresSha256 }: EvaluationReport, file: string, bytes: Buffer, scores: string): void {
  if (scoresSha256 === createHash("sha256").update(bytes).digest("hex")) return;
  if (scoresSha256 !== undefined)
    throw strange(
      scores,
      `its SHA-256 is not the one recorded in ${file}, so one of the two was changed or comes from another run`,
    );
  const message =
    `${file} does not record the SHA-256 of its ${SCORES} (scoresSha256). Run starling-rm eval --output again: it takes the scores ` +
    "from the cache.";
  throw new FileError("ERR_INVALID_JSON", message, { file });
}

async function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((cause) => {
    throw readError(file, cause);
  });
}

function reportOf(file: string, text: string): EvaluationReport {
  const report = parsed(text);
  const invalid = (why: string) => new FileError("ERR_INVALID_JSON", why, { file });
  if (report === undefined)
    throw invalid(`${file} is not valid JSON. If it was cut off, run starling-rm eval --output again.`);
  if (!isReport(report) || !report.benchmarks.every(hasCounts))
    throw invalid(`Expected ${REPORT} of starling-rm eval --output, but ${file} is something else.`);
  const { formatVersion } = report as { readonly formatVersion?: unknown };
  if (formatVersion !== FORMAT_VERSION)
    throw invalid(
      `${file} has ${formatVersion === undefined ? "no format version" : `format ${JSON.stringify(formatVersion)}`}, ` +
        `but this version of starling-rm reads format ${FORMAT_VERSION}. Evaluate again with one version.`,
    );
  return report;
}

function hasCounts(benchmark: unknown): boolean {
  if (!isObject(benchmark)) return false;
  const { cases, sources, mistakes } = benchmark;
  return Number.isInteger(cases) && [sources, mistakes].every((list) => Array.isArray(list) && list.every(isObject));
}

/** Undefined for what is not JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function caseOf(line: string, benchmark: BenchmarkName, where: string): ScoredCase {
  const record = parsed(line);
  if (isObject(record) && record["benchmark"] === benchmark && hasCase(record)) return caseOfRecord(record);
  throw new InvalidInputError(
    "ERR_INVALID_JSON",
    `${where}: expected a scored case of ${benchmark} with finite scores.`,
  );
}

const LISTS = ["scores", "grades", "lengths", "comparisons"];
const OPTIONAL_LISTS = ["labels", "models", "asPublished"];
const LISTS_OF_COMPARISONS = ["comparisons", "asPublished"];

/** What is read before the measures check a case. */
function hasCase(
  record: Readonly<Record<string, unknown>>,
): record is Parameters<typeof caseOfRecord>[0] & typeof record {
  const isList = (name: string) => Array.isArray(record[name]);
  return (
    ["source", "row"].every((name) => Number.isInteger(record[name])) &&
    LISTS.every(isList) &&
    (record["scores"] as unknown[]).every(Number.isFinite) &&
    OPTIONAL_LISTS.every((name) => record[name] === undefined || isList(name)) &&
    LISTS_OF_COMPARISONS.every((name) => ((record[name] ?? []) as unknown[]).every(isObject))
  );
}

function strange(file: string, why: string): FileError {
  const message = `${file} does not belong to its report: ${why}. Expected both from one run of starling-rm eval --output.`;
  return new FileError("ERR_INVALID_JSON", message, { file });
}
