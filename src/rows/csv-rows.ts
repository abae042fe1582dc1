/** Rows of a CSV file, whatever separates its fields: objects keyed by the first record; every value is a text, an empty cell is null. */

import { isUtf8 } from "node:buffer";
import { type FileError, InvalidInputError, type StarlingError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { plural } from "../plural.ts";
import { parseRecords } from "./csv-fields.ts";
import { CsvSplitter } from "./csv-splitter.ts";
import { damaged, oneLine } from "./damaged.ts";
import { type Delimiter, separatorLine } from "./format.ts";
import { InputHead } from "./input-head.ts";
import type { Piece } from "./json-splitter.ts";
import type { Row } from "./row.ts";

/** Most tabs at the start of a header that are read as columns without a name; pandas writes one, for its index. */
const MAX_NAMELESS_COLUMNS = 1000;

/** The fields of a record, or why it cannot be read. */
export type CsvRecord = { readonly line: number; readonly endOffset: number } & (
  | { readonly fields: string[] }
  | { readonly error: StarlingError }
);

/** @throws FileError for a file without a usable first record */
export async function* csvRows(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  delimiter: Delimiter = ",",
): AsyncGenerator<Row> {
  let header: readonly string[] | undefined;
  let row = 0;
  for await (const pieces of csvPieces(chunks, name, delimiter))
    for (const record of recordsOf(pieces, delimiter)) {
      if (header === undefined) {
        if ("fields" in record && isSeparatorRecord(record.fields, delimiter)) continue;
        header = readHeader(record, name);
        continue;
      }
      const result = toObject(record, header);
      if (result === undefined) continue;
      row += 1;
      yield { row, where: `line ${record.line}`, endOffset: record.endOffset, isTable: true, ...result };
    }
  if (header === undefined) throw withoutHeader(name, delimiter);
}

export function withoutHeader(name: string, delimiter: Delimiter): FileError {
  return damaged(name, `is empty: a ${formatWord(delimiter)} file begins with the names of its columns`);
}

async function* csvPieces(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  delimiter: Delimiter,
): AsyncGenerator<readonly Piece[]> {
  const head = new InputHead(name, formatWord(delimiter));
  let splitter: CsvSplitter | undefined;
  const begin = () => {
    const begun = beginCsv(head, name, delimiter);
    splitter = begun.splitter;
    return begun.pieces;
  };
  for await (const chunk of chunks) {
    if (splitter !== undefined) yield splitter.push(chunk);
    else {
      head.add(chunk);
      if (head.hasBegun) yield begin();
    }
  }
  if (splitter === undefined) yield begin();
  yield (splitter as CsvSplitter | undefined)?.end() ?? [];
}

/** The splitter of a table whose first bytes are there, and what it made of them. @throws FileError for line ends of old Macs */
export function beginCsv(
  head: InputHead,
  name: string,
  delimiter: Delimiter,
): { readonly splitter: CsvSplitter; readonly pieces: readonly Piece[] } {
  const bytes = head.bytes();
  if (endsLinesWithReturn(bytes))
    throw damaged(name, "uses bare carriage returns as line ends: save it with line feeds (LF or CRLF)");
  // A first tab separates a column without a name.
  const tabs = delimiter === "\t" ? Math.min(head.leadingTabs, MAX_NAMELESS_COLUMNS) : 0;
  const { offset, line } = head.start;
  const splitter = new CsvSplitter({ offset: offset - tabs, line }, delimiter);
  const pieces = splitter.push(tabs === 0 ? bytes : Buffer.concat([Buffer.alloc(tabs, delimiter), bytes]));
  return { splitter, pieces };
}

export function formatWord(delimiter: Delimiter): "CSV" | "TSV" {
  return delimiter === "\t" ? "TSV" : "CSV";
}

/** In the order of the pieces. */
export function recordsOf(pieces: readonly Piece[], delimiter: string): CsvRecord[] {
  const lines = pieces.map(lineOf);
  const parsed = parseRecords(
    lines.filter((line) => line instanceof Uint8Array),
    delimiter,
  );
  let next = 0;
  return pieces.map((piece, i) => {
    const line = lines[i];
    const place = { line: piece.line, endOffset: piece.endOffset };
    if (line instanceof Uint8Array) return { ...place, fields: parsed[next++] as string[] };
    return { ...place, ...(line as { error: StarlingError }) };
  });
}

/** The bytes of a record without its carriage return. */
function lineOf(piece: Piece): Uint8Array | { error: StarlingError } {
  const { bytes, problem } = piece;
  if (problem !== undefined || bytes === undefined) return invalid(problem ?? "It is empty.", piece);
  if (!isUtf8(bytes)) return invalid("It is not valid UTF-8.", piece);
  return bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes;
}

const [NEWLINE, RETURN, QUOTE] = [0x0a, 0x0d, 0x22];

/** Whether the first line break outside quotes is a carriage return without a line feed. */
function endsLinesWithReturn(head: Uint8Array): boolean {
  let inQuotes = false;
  for (const [i, byte] of head.entries()) {
    if (byte === QUOTE) inQuotes = !inQuotes;
    if (inQuotes) continue;
    if (byte === NEWLINE) return false;
    if (byte === RETURN && i + 1 < head.length && head[i + 1] !== NEWLINE && head[i + 1] !== RETURN) return true;
  }
  return false;
}

/** "sep=;", with which Excel begins a file. */
export function isSeparatorRecord(fields: readonly string[], delimiter: Delimiter): boolean {
  return separatorLine(fields.join(delimiter)) === delimiter;
}

export function readHeader(record: CsvRecord, name: string): readonly string[] {
  if ("error" in record) throw damaged(name, `has no usable first line: ${oneLine(record.error)}`);
  const { fields } = record;
  // Columns without a name are a spreadsheet's empty ones.
  const seen = new Set<string>();
  for (const field of fields) {
    if (field !== "" && seen.has(field))
      throw damaged(name, `has two columns named ${quote(field)}: rename or remove one of them`);
    seen.add(field);
  }
  return fields;
}

/** Spreadsheets write them below their last row. */
export function isEmptyRecord(fields: readonly string[], header: readonly string[]): boolean {
  return header.length > 1 && fields.every((field) => field === "");
}

/** Undefined for a record of empty cells only, which spreadsheets write below their last row. */
function toObject(
  record: CsvRecord,
  header: readonly string[],
): { value: unknown; isCsv: true } | { error: StarlingError } | undefined {
  if ("error" in record) return { error: record.error };
  const { fields } = record;
  if (isEmptyRecord(fields, header)) return undefined;
  if (fields.length !== header.length)
    return invalid(
      `It has ${plural(fields.length, "field")}, but the first line names ${plural(header.length, "column")}.`,
      record,
    );
  // CSV cannot tell an empty text from a missing value; programs mean the latter.
  const cells = header.map((name, i) => [name, fields[i] === "" ? null : fields[i]] as const);
  // Columns without a name are a spreadsheet's empty ones, or pandas' index.
  const value: Record<string, string | null> = {};
  for (const [name, cell = null] of cells) {
    if (name === "" && cell === null) continue;
    // Of several without a name, the first with a value. defineProperty: one may be "__proto__".
    if (name === "" && Object.hasOwn(value, name)) continue;
    Object.defineProperty(value, name, { value: cell, enumerable: true, configurable: true, writable: true });
  }
  return { isCsv: true, value };
}

function invalid(message: string, { line }: { readonly line: number }): { error: StarlingError } {
  return { error: new InvalidInputError("ERR_INVALID_DATA", message, { line }) };
}
