/** All scores of an evaluation as a table for other programs: one row a response. */
import { packageVersion } from "../package-info.ts";
import { csvCell } from "../rows/write/csv-cell.ts";
import type { BenchmarkName, ScoredCase } from "./case.ts";
import type { Evaluation } from "./evaluate.ts";

/** Formats of the table; scores.jsonl has a line per case instead, with everything that was compared. */
export const scoreTableFormats = ["csv", "parquet"] as const;
export type ScoreTableFormat = (typeof scoreTableFormats)[number];

type Value = string | number | boolean | undefined;
/** Rows encoded at a time. */
const CHUNK_ROWS = 4096;

const columns: Readonly<Record<string, (at: ScoredResponse) => Value>> = {
  benchmark: ({ benchmark }) => benchmark,
  source: ({ scored }) => scored.source,
  row: ({ scored }) => scored.row,
  id: ({ scored }) => scored.id,
  prompt_key: ({ scored }) => scored.prompt,
  subset: ({ scored }) => scored.subset,
  response: ({ response }) => response,
  label: ({ scored, response }) => scored.labels?.[response],
  grade: ({ scored, response }) => scored.grades[response],
  score: ({ scored, response }) => scored.scores[response],
  tokens: ({ scored, response }) => scored.tokenCounts[response],
  characters: ({ scored, response }) => scored.lengths[response],
  truncated: ({ scored, response }) => scored.truncated[response],
};
const names = Object.keys(columns);
/** Float64 also where all values are whole. */
const FRACTIONS: ReadonlySet<string> = new Set(["grade", "score"]);

interface ScoredResponse {
  readonly benchmark: BenchmarkName;
  readonly scored: ScoredCase;
  readonly response: number;
}

function* responsesOf({ report, cases }: Evaluation): Generator<ScoredResponse> {
  for (const [i, { benchmark }] of report.benchmarks.entries())
    for (const scored of cases[i] ?? [])
      for (const response of scored.scores.keys()) yield { benchmark, scored, response };
}

/** The bytes of the file. Cells without a value are empty, in parquet null. */
export function scoreTable(evaluation: Evaluation, format: ScoreTableFormat): AsyncIterable<Uint8Array> {
  return format === "csv" ? csvBytes(evaluation) : parquetBytes(evaluation);
}

async function* csvBytes(evaluation: Evaluation): AsyncGenerator<Uint8Array> {
  let lines = [names.join(",")];
  for (const at of responsesOf(evaluation)) {
    lines.push(names.map((name) => csvCell(String(columns[name]?.(at) ?? ""), ",")).join(","));
    if (lines.length < CHUNK_ROWS) continue;
    yield Buffer.from(`${lines.join("\n")}\n`);
    lines = [];
  }
  if (lines.length > 0) yield Buffer.from(`${lines.join("\n")}\n`);
}

async function* parquetBytes(evaluation: Evaluation): AsyncGenerator<Uint8Array> {
  const { ParquetFile } = await import("../rows/write/write-parquet.ts");
  const file = new ParquetFile({
    names: () => names,
    fractions: FRACTIONS,
    createdBy: `starling-rm version ${packageVersion()}`,
  });
  for (const at of responsesOf(evaluation)) file.look(recordOf(at));
  yield* file.bytes(recordsOf(evaluation));
}

async function* recordsOf(evaluation: Evaluation): AsyncGenerator<ReadonlyMap<string, string>> {
  for (const at of responsesOf(evaluation)) yield recordOf(at);
}

function recordOf(at: ScoredResponse): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name, JSON.stringify(columns[name]?.(at) ?? null)]));
}
