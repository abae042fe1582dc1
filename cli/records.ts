/** Results as records: the fields of an output row, in order, whatever format they are written in. */
import { jsonText } from "./library.ts";
import type { RowResult, ScoredText } from "./score-rows.ts";

/** A row of output: JSON of each value, on one line, by name. */
export type OutputRecord = ReadonlyMap<string, string>;

/** Which records a row's result becomes. */
export type ToRecords = (result: RowResult) => OutputRecord[];

/** Names of results. A row's own fields of these names are renamed, also in a row that failed. */
const RESULT_NAMES: ReadonlySet<string> = new Set([
  "index",
  "score",
  "scores",
  "ranks",
  "ranking",
  "tokenCount",
  "truncated",
  "tokenRewards",
  "error",
]);
/** Further names of results, in some formats and where responses are chosen. */
const FURTHER_NAMES: ReadonlySet<string> = new Set(["responseIndex", "rank", "response", "errorCode", "errorMessage"]);
const RENAMED = "input_";
/** What has the responses, where a row does not say. */
export const LIST_FIELD = "responses";

export interface RecordOptions {
  /** How several responses are written: lists in the order of the responses, or one list of objects, best first. */
  readonly order: "input" | "rank";
  /** One response is left of each row: it stands alone, as if the row had no other. */
  readonly best?: boolean;
  /** Responses were chosen: the lists say which. */
  readonly chosen?: boolean;
  /** Called with a row's own fields that had to be renamed, and their new names. */
  readonly onRenamed?: ((result: RowResult, names: ReadonlyMap<string, string>) => void) | undefined;
}

/** One record for each row. */
export function rowRecords({ order, best = false, chosen = false, onRenamed }: RecordOptions): ToRecords {
  return (result) => {
    const { row } = result;
    if ("error" in result) return [merged(result, { index: row.index, error: errorOf(result) }, onRenamed)];
    const [first] = result.scored;
    if (!row.many && first !== undefined) return [merged(result, { index: row.index, ...single(first) }, onRenamed)];
    if (best && first !== undefined) return [merged(result, oneOf(row.index, first, true), onRenamed)];
    const fields =
      order === "rank" ? ranking(result.scored) : lists(result.scored, chosen, row.listField ?? LIST_FIELD);
    return [merged(result, { index: row.index, ...fields }, onRenamed)];
  };
}

/** One record for each response: for formats whose cells hold one value. */
export function responseRecords({ order, best, onRenamed }: RecordOptions): ToRecords {
  return (result) => {
    const { row } = result;
    if ("error" in result) {
      const { code, message } = errorOf(result);
      return [merged(result, { index: row.index, errorCode: code, errorMessage: message }, onRenamed)];
    }
    if (!row.many) {
      const [first] = result.scored;
      return [merged(result, { index: row.index, ...(first === undefined ? {} : single(first)) }, onRenamed)];
    }
    const scored = order === "rank" && best !== true ? byRank(result.scored) : result.scored;
    return scored.map((text) => merged(result, oneOf(row.index, text, best === true), onRenamed));
  };
}

/** Best first; ties in input order. */
export function byRank(scored: readonly ScoredText[]): ScoredText[] {
  return [...scored].sort((a, b) => a.rank - b.rank || a.index - b.index);
}

function errorOf(result: RowResult & { error: unknown }): { code: string; message: string } {
  const { code, message } = result.error as { code: string; message: string };
  return { code, message };
}

function single(text: ScoredText): object {
  const { score, tokenCount, truncated } = text;
  return { score, tokenCount, truncated, ...tokens(text) };
}

/** A response of several, alone: the other responses are not in its record. */
function oneOf(index: number, text: ScoredText, isBest: boolean): object {
  const place = isBest ? {} : { rank: text.rank };
  return { index, responseIndex: text.index, ...place, ...single(text), response: text.text };
}

function lists(scored: readonly ScoredText[], chosen: boolean, listField: string): object {
  return {
    ...(chosen ? { responseIndex: scored.map(({ index }) => index) } : {}),
    scores: scored.map(({ score }) => score),
    ranks: scored.map(({ rank }) => rank),
    tokenCount: scored.map(({ tokenCount }) => tokenCount),
    truncated: scored.map(({ truncated }) => truncated),
    ...(scored[0]?.tokenRewards === undefined ? {} : { tokenRewards: scored.map(tokenFields) }),
    ...(chosen ? { [listField]: scored.map(({ text }) => text) } : {}),
  };
}

function ranking(scored: readonly ScoredText[]): object {
  return {
    ranking: byRank(scored).map((text) => {
      const { rank, index } = text;
      return { rank, index, ...single(text), response: text.text };
    }),
  };
}

function tokens(text: ScoredText): object {
  return text.tokenRewards === undefined ? {} : { tokenRewards: tokenFields(text) };
}

/** Typed arrays as JSON lists. */
function tokenFields({ tokenRewards }: ScoredText): object | undefined {
  if (tokenRewards === undefined) return undefined;
  const { start, ids, pieces, rewards } = tokenRewards;
  return { start, ids: [...ids], pieces, rewards: [...rewards] };
}

/** The results, then the row's own fields; those with the name of a result are renamed. */
function merged(result: RowResult, results: object, onRenamed: RecordOptions["onRenamed"]): OutputRecord {
  const { many, own, listField = LIST_FIELD } = result.row;
  const record = new Map(Object.entries(results).map(([name, value]) => [name, jsonText(value)] as const));
  // Where the results have the responses, the list of all of them would repeat or contradict them.
  const leftOut = many && (record.has("response") || record.has("ranking") || record.has(listField)) ? listField : "";
  const renamed = new Map<string, string>();
  for (const [name, value] of own) {
    if (leftOut !== "" && name === leftOut) continue;
    const free = freeName(name, own, record);
    if (free !== name) renamed.set(name, free);
    record.set(free, value);
  }
  if (renamed.size > 0) onRenamed?.(result, renamed);
  return record;
}

type Names = Pick<ReadonlySet<string>, "has">;

/** What a row's own field is called beside results: as in the row, where no result has the name. */
export function freeName(name: string, own: Names, results: Names): string {
  if (!RESULT_NAMES.has(name) && !results.has(name)) return name;
  let free = RENAMED + name;
  while (own.has(free) || results.has(free)) free = RENAMED + free;
  return free;
}

/** Whether a result may have the name, in some row and format. */
export function isResultName(name: string): boolean {
  return RESULT_NAMES.has(name) || FURTHER_NAMES.has(name);
}

/** Whether only rows that failed have the result. */
export function isErrorName(name: string): boolean {
  return /^error(?:Code|Message)?$/.test(name);
}

/** What a field of the output was called in its row, if {@link freeName} gave it its name. */
export function nameBefore(renamed: string): string {
  let name = renamed;
  while (name.startsWith(RENAMED)) name = name.slice(RENAMED.length);
  return name;
}

/** The fields that `--fields` names, in its order. */
export function chosenFields(toRecords: ToRecords, names: readonly string[], seen: Set<string>): ToRecords {
  return (result) =>
    toRecords(result).map((record) => {
      const chosen = new Map<string, string>();
      for (const name of names) {
        const value = record.get(name);
        if (value === undefined) continue;
        chosen.set(name, value);
        seen.add(name);
      }
      return chosen;
    });
}
