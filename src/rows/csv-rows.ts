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
    row += 1;
    yield { row, where: `line ${piece.line}`, ...readRecord(piece, header) };
  }
  if (header === undefined) throw damaged(name, "is empty: a CSV file begins with the names of its columns");
}

async function* csvPieces(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Piece> {
  const head = new InputHead(name, "CSV");
  let splitter: CsvSplitter | undefined;
  const begin = () => {
    const bytes = head.bytes();
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

function readHeader(piece: Piece, name: string): readonly string[] {
  const read = fieldsOf(piece);
  if ("error" in read) throw damaged(name, `has no usable first line: ${oneLine(read.error)}`);
  const { fields } = read;
  const seen = new Set<string>();
  const repeated = fields.find((field) => seen.size === seen.add(field).size);
  if (repeated !== undefined) throw damaged(name, `has two columns of the name ${quote(repeated)} in its first line`);
  return fields;
}

function readRecord(
  piece: Piece,
  header: readonly string[],
): { value: unknown; isCsv: true } | { error: StarlingError } {
  const read = fieldsOf(piece);
  if ("error" in read) return read;
  const { fields } = read;
  if (fields.length !== header.length)
    return invalid(`It has ${fields.length} fields where the first line names ${header.length}.`, piece);
  // CSV cannot tell an empty text from a value that is missing, and the second is what programs mean by it.
  return {
    isCsv: true,
    value: Object.fromEntries(header.map((name, i) => [name, fields[i] === "" ? null : fields[i]])),
  };
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
