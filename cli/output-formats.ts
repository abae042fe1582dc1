/** Results as text: JSON lines, JSON, CSV (tables: table.ts). Every method returns whole lines. */
import type { RowResult, ScoredText } from "./score-rows.ts";

export type FormatName = "table" | "jsonl" | "json" | "csv";
export const formatNames: readonly FormatName[] = ["table", "jsonl", "json", "csv"];

export interface Formatter {
  /** Text before the first row. */
  begin(): string;
  row(result: RowResult): string;
  /** Text after the last row, also after an interruption: it closes the JSON. */
  end(): string;
}

/** How a row with several responses is written as JSON. */
export type ManyFields = (scored: readonly ScoredText[]) => object;

/** For `score`: lists in the order of the responses. */
export const asLists: ManyFields = (scored) => ({
  scores: scored.map(({ score }) => score),
  ranks: scored.map(({ rank }) => rank),
  tokenCount: scored.map(({ tokenCount }) => tokenCount),
  truncated: scored.map(({ truncated }) => truncated),
  ...(scored[0]?.tokenRewards === undefined ? {} : { tokenRewards: scored.map(tokenFields) }),
});

/** For `rank`: the responses themselves, best first. */
export const asRanking: ManyFields = (scored) => ({
  ranking: byRank(scored).map(({ index, text, score, rank, tokenCount, truncated }) => ({
    rank,
    index,
    score,
    tokenCount,
    truncated,
    response: text,
  })),
});

/** Best first; ties in input order. `index` is the place in the input. */
export function byRank(scored: readonly ScoredText[]): (ScoredText & { readonly index: number })[] {
  return scored.map((text, index) => ({ ...text, index })).sort((a, b) => a.rank - b.rank || a.index - b.index);
}

/** One object on one line: our fields, then the row's own. */
function jsonRow(result: RowResult, many: ManyFields): string {
  const { index, fields } = result.row;
  return withFields({ index, ...resultFields(result, many) }, fields);
}

function resultFields(result: RowResult, many: ManyFields): object {
  if ("error" in result) return { error: { code: result.error.code, message: result.error.message } };
  const [first] = result.scored;
  if (result.row.many || !first) return many(result.scored);
  const { score, tokenCount, truncated, tokenRewards } = first;
  return { score, tokenCount, truncated, ...(tokenRewards === undefined ? {} : { tokenRewards: tokenFields(first) }) };
}

/** Typed arrays as JSON lists. */
function tokenFields({ tokenRewards }: ScoredText): object | undefined {
  if (tokenRewards === undefined) return undefined;
  const { start, ids, pieces, rewards } = tokenRewards;
  return { start, ids: [...ids], pieces, rewards: [...rewards] };
}

/** @param fields text such as `,"id":7` */
export function withFields(object: object, fields: string): string {
  return safeJson(`${JSON.stringify(object).slice(0, -1)}${fields}}`);
}

/** Escapes characters that JSON allows but terminals obey (C1 controls) or break lines at; the value is the same. */
export function safeJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

export function jsonLines(many: ManyFields): Formatter {
  return { begin: () => "", row: (result) => `${jsonRow(result, many)}\n`, end: () => "" };
}

/** One array, one row per line. */
export function jsonArray(many: ManyFields): Formatter {
  let rows = 0;
  return {
    begin: () => "[",
    row: (result) => `${rows++ === 0 ? "\n" : ",\n"}${jsonRow(result, many)}`,
    end: () => (rows === 0 ? "]\n" : "\n]\n"),
  };
}

const CSV_COLUMNS = ["index", "response", "rank", "score", "tokenCount", "truncated", "errorCode", "errorMessage"];

/** RFC 4180 quoting, lines ended by "\n", one line per response. The row's other fields are left out. */
export function csv(): Formatter {
  return {
    begin: () => csvLine(CSV_COLUMNS),
    row(result) {
      const { index, many } = result.row;
      if ("error" in result) return csvLine([index, "", "", "", "", "", result.error.code, result.error.message]);
      return result.scored
        .map(({ rank, score, tokenCount, truncated }, i) =>
          csvLine([index, many ? i : "", many ? rank : "", score, tokenCount, truncated, "", ""]),
        )
        .join("");
    },
    end: () => "",
  };
}

function csvLine(cells: readonly unknown[]): string {
  return `${cells.map((cell) => csvCell(String(cell))).join(",")}\n`;
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
