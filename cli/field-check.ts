/** Whether rows have the fields that --fields names: known by the first rows, before a model is loaded for them. */
import { InvalidInputError } from "../src/index.ts";
import { UsageError } from "./errors.ts";
import { nearestValue } from "./library.ts";
import { isResultName, type ToRecords } from "./records.ts";
import type { Row } from "./row.ts";
import { remainingRows, rowIterator } from "./row-iterator.ts";
import type { RowSource } from "./row-options.ts";
import type { RowResult, ScoredText } from "./score-rows.ts";
import { isSelecting, type SelectionOptions, topOf } from "./selection.ts";
import type { Terminal } from "./terminal.ts";

export interface FieldTask {
  readonly fields: readonly string[];
  readonly source: Pick<RowSource, "isStream" | "isOneFile">;
  readonly toRecords: ToRecords;
  readonly perToken: boolean;
  /** Which results are written. */
  readonly selection: SelectionOptions;
  readonly terminal: Pick<Terminal, "say">;
}

/** Looked at before the work begins; later rows of JSON may have further fields. */
const MAX_FIRST_ROWS = 100;
const MAX_FIRST_BYTES = 4 * 1024 * 1024;
/** Names that a message lists. */
const MAX_LISTED = 20;

/**
 * The same rows, after a look at the first ones: each name must be a field of theirs, or one that may still come. A stream is not
 * waited for: its first row is checked when it comes.
 *
 * @throws UsageError for a name that no row has, here or with the first row
 */
export async function withKnownFields(rows: RowSource["rows"], task: FieldTask): Promise<AsyncIterable<Row>> {
  if (task.source.isStream) return checkedByFirst(rows, task);
  const iterator = rowIterator(rows);
  const first: Row[] = [];
  let ended = false;
  while (!ended && first.length < MAX_FIRST_ROWS && bytesOf(first) < MAX_FIRST_BYTES) {
    const next = await iterator.next();
    if (next.done) ended = true;
    else first.push(next.value);
  }
  checkFields(first, ended, task);
  return remainingRows(iterator, first);
}

async function* checkedByFirst(rows: RowSource["rows"], task: FieldTask): AsyncGenerator<Row> {
  let isKnown = false;
  for await (const row of rows) {
    // A row that cannot be read says nothing.
    if (!isKnown && row.own.size > 0) {
      checkFields([row], false, task);
      isKnown = true;
    }
    yield row;
  }
}

function bytesOf(rows: readonly Row[]): number {
  return (rows.at(-1)?.endOffset ?? 0) - (rows[0]?.endOffset ?? 0);
}

function checkFields(rows: readonly Row[], ended: boolean, { fields, source, terminal, ...task }: FieldTask): void {
  const readable = rows.filter(({ own }) => own.size > 0);
  if (readable.length === 0) return;
  const known = new Set<string>();
  for (const row of readable) for (const name of namesOf(row, task)) known.add(name);
  const missing = fields.filter((name) => !known.has(name));
  const [first] = missing;
  if (first === undefined) return;
  // All rows of a table have its columns, but one may have several responses, and so other results.
  const isTable = source.isOneFile === true && readable.every((row) => row.isTable);
  const never = isTable ? missing.find((name) => !isResultName(name)) : undefined;
  const isHopeless = missing.length === fields.length && rows.length >= MAX_FIRST_ROWS;
  if (ended || never !== undefined || isHopeless)
    throw new UsageError(`--fields: ${absence(ended ? undefined : rows.length, never ?? first, known, isTable)}`);
  for (const name of missing) terminal.say(`warning: --fields: ${absence(rows.length, name, known, isTable)}`);
}

function absence(count: number | undefined, name: string, known: ReadonlySet<string>, isTable: boolean): string {
  const which =
    count === undefined || isTable
      ? "no row has"
      : count === 1
        ? "the first row does not have"
        : `none of the first ${count} rows has`;
  const near = nearestValue(name, [...known]);
  const listed = [...known].slice(0, MAX_LISTED).join(", ");
  const hint = near === undefined ? "" : ` Did you mean ${JSON.stringify(near)}?`;
  return `${which} a field ${JSON.stringify(name)}.${hint} Fields: ${listed}${known.size > MAX_LISTED ? ", …" : ""}`;
}

/** The names of what would be written of a row, whatever its scores; it may also fail. */
function namesOf(
  row: Row,
  { toRecords, perToken, selection }: Pick<FieldTask, "toRecords" | "perToken" | "selection">,
) {
  const results: RowResult[] = isSelecting(selection) ? [] : [{ row, error: row.error ?? anyError }];
  if (row.error === undefined) {
    const scored = row.items.map((_, index) => scoredText(index, perToken));
    results.unshift({ row, scored: scored.slice(0, topOf(selection)) });
  }
  return results.flatMap((result) => toRecords(result).flatMap((record) => [...record.keys()]));
}

const anyError = new InvalidInputError("ERR_INVALID_ITEM", "");

function scoredText(index: number, perToken: boolean): ScoredText {
  const text = { index, text: "", score: 0, tokenCount: 0, truncated: false, rank: index + 1 };
  return perToken ? { ...text, tokenRewards: { start: 0, ids: [], pieces: [], rewards: [] } } : text;
}
