/** The rows of a CSV file: objects by the names of its first record; every value is a text, an empty cell is null. */
import { isUtf8 } from "node:buffer";
import { InvalidInputError, type StarlingError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { CsvSplitter, csvFields } from "./csv-splitter.ts";
import { damaged, oneLine } from "./damaged.ts";
import { InputHead } from "./input-head.ts";
import type { Piece } from "./json-splitter.ts";
import type { Row } from "./row.ts";

/** @throws FileError for a file without a usable first record */
export async function* csvRows(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Row> {
  let header: readonly string[] | undefined;
  let row = 0;
  for await (const piece of csvPieces(chunks, name)) {
    if (header === undefined) {
      header = readHeader(piece, name);
      continue;
    }
    const record = readRecord(piece, header);
    if (record === undefined) continue;
    row += 1;
    yield { row, where: `line ${piece.line}`, ...record };
  }
  if (header === undefined) throw damaged(name, "is empty: a CSV file begins with the names of its columns");
}

async function* csvPieces(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Piece> {
  const head = new InputHead(name, "CSV");
  let splitter: CsvSplitter | undefined;
  const begin = () => {
    const bytes = head.bytes();
    if (endsLinesWithReturn(bytes))
      throw damaged(
        name,
        "ends its lines with carriage returns only, which is not supported: save it with line feeds (LF or CRLF)",
      );
    splitter = new CsvSplitter(head.start);
    return splitter.push(bytes);
  };
  for await (const chunk of chunks) {
    if (splitter !== undefined) yield* splitter.push(chunk);
    else {
      head.add(chunk);
      if (head.hasBegun) yield* begin();
    }
  }
  if (splitter === undefined) yield* begin();
  yield* (splitter as CsvSplitter | undefined)?.end() ?? [];
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

function readHeader(piece: Piece, name: string): readonly string[] {
  const read = fieldsOf(piece);
  if ("error" in read) throw damaged(name, `has no usable first line: ${oneLine(read.error)}`);
  const { fields } = read;
  const repeated = fields.find((field, i) => READ_COLUMNS.has(field) && fields.indexOf(field) !== i);
  if (repeated !== undefined) throw damaged(name, `has two columns named ${quote(repeated)} in its first line`);
  return fields;
}

/** Names that mean something here; of others it does no harm that they are there twice. */
const READ_COLUMNS: ReadonlySet<string> = new Set(
  [
    ["text", "prompt", "response", "responses", "messages", "system", "chosen", "rejected", "ranks", "grades"],
    ["id", "subset", "question", "best_answer", "correct_answers", "incorrect_answers", "answers"],
    ["conversation_a", "conversation_b", "winner", "model_a", "model_b", "question_id"],
    ["response_0", "response_1", "is_response_0_safe", "is_response_1_safe", "num_correct", "total_completions"],
  ].flat(),
);

/** Undefined for a record of empty cells only, as spreadsheets write below their last row. */
function readRecord(
  piece: Piece,
  header: readonly string[],
): { value: unknown; isCsv: true } | { error: StarlingError } | undefined {
  const read = fieldsOf(piece);
  if ("error" in read) return read;
  const { fields } = read;
  if (header.length > 1 && fields.every((field) => field === "")) return undefined;
  if (fields.length !== header.length)
    return invalid(`It has ${fields.length} fields where the first line names ${header.length}.`, piece);
  // CSV cannot tell an empty text from a value that is missing, and the second is what programs mean by it.
  const cells = header.map((name, i) => [name, fields[i] === "" ? null : fields[i]] as const);
  // Columns without a name are a spreadsheet's empty ones; pandas writes its index into one.
  const value: Record<string, string | null> = {};
  for (const [name, cell = null] of cells) {
    if (name === "" && cell === null) continue;
    // Of two equal names the first with a value; defined, because "__proto__" may be one.
    if (Object.hasOwn(value, name) && (value[name] !== null || cell === null)) continue;
    Object.defineProperty(value, name, { value: cell, enumerable: true, configurable: true, writable: true });
  }
  return { isCsv: true, value };
}

function fieldsOf(piece: Piece): { fields: string[] } | { error: StarlingError } {
  const { bytes, problem } = piece;
  if (problem !== undefined || bytes === undefined) return invalid(problem ?? "There is nothing to read.", piece);
  if (!isUtf8(bytes)) return invalid("It is not valid UTF-8.", piece);
  try {
    return { fields: csvFields(Buffer.from(bytes).toString("utf8")) };
  } catch (error) {
    return invalid(`It is not valid CSV: ${oneLine(error)}.`, piece, error);
  }
}

function invalid(message: string, { line }: Piece, cause?: unknown): { error: StarlingError } {
  return { error: new InvalidInputError("ERR_INVALID_DATA", message, { line, cause }) };
}
