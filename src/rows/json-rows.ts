/** Input bytes to rows: layout, encoding and JSON of each row; a row that is broken does not stop the others. */
import { isUtf8 } from "node:buffer";
import { FileError, InvalidInputError, type StarlingError } from "../errors.ts";
import { isBlank, LineSplitter, MAX_ROW_BYTES, type Piece, type Splitter, ValueSplitter } from "./json-splitter.ts";

/** One row of an input as it stands there. */
export type SourceRow = { readonly where: string; readonly endOffset: number } & (
  | { readonly source: string; readonly value: unknown }
  | { readonly error: StarlingError }
);

/** Rows as soon as they are whole. `name` is how messages call the input. */
export async function* readJsonRows(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<SourceRow> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let lookedAt = 0;
  let splitter: Splitter | undefined;
  let inArray = false;
  let count = 0;
  const toRow = (piece: Piece) => parseRow(piece, inArray ? `element ${count++} (line ${piece.line})` : undefined);
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (!splitter) {
      parts.push(chunk);
      size += chunk.length;
      // Looking at all of a long first line with every chunk would take the square of its length.
      if (size > SHORT_HEAD_BYTES && size < 2 * lookedAt) continue;
      lookedAt = size;
      const head = joined(parts);
      checkEncoding(head, name);
      const layout = detectLayout(head, false);
      if (layout === undefined) continue;
      inArray = layout === "array";
      [splitter, bytes] = startSplitter(layout, head);
      parts = [];
    }
    for (const piece of splitter.push(bytes)) yield toRow(piece);
  }
  if (!splitter) {
    const head = joined(parts);
    const layout = detectLayout(head, true) ?? "lines";
    inArray = layout === "array";
    let bytes: Uint8Array;
    [splitter, bytes] = startSplitter(layout, head);
    for (const piece of splitter.push(bytes)) yield toRow(piece);
  }
  for (const piece of splitter.end()) yield toRow(piece);
}

const [NEWLINE, QUOTE, COMMA, OPEN_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x0a, 0x22, 0x2c, 0x5b, 0x7b, 0x7d];

/** Up to here a row is not kept waiting: it may come from a person or a slow program. */
const SHORT_HEAD_BYTES = 64 * 1024;

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

type Layout = "lines" | "array" | "sequence";

function startSplitter(layout: Layout, head: Uint8Array): [Splitter, Uint8Array] {
  const skipped = bomLength(head);
  const splitter = layout === "lines" ? new LineSplitter(skipped) : new ValueSplitter(layout, skipped);
  return [splitter, head.subarray(skipped)];
}

/**
 * The layout, from the first line that is not blank: "[" begins an array; an object that is not whole on its line but
 * breaks off where people and programs break lines is one of several lines; all else is JSON lines. Undefined: not
 * enough was read to tell.
 */
export function detectLayout(head: Uint8Array, ended: boolean): Layout | undefined {
  let start = bomLength(head);
  while (start < head.length && isBlank(head[start] as number)) start += 1;
  if (start === head.length) return undefined;
  if (head[start] === OPEN_BRACKET) return "array";
  if (head[start] !== OPEN_BRACE) return "lines";
  const newline = head.indexOf(NEWLINE, start);
  if (newline < 0) return ended || head.length - start > MAX_ROW_BYTES ? "lines" : undefined;
  const last = head.subarray(start, newline).findLast((byte) => !isBlank(byte));
  if (last === OPEN_BRACKET) return "sequence";
  if (last !== OPEN_BRACE && last !== COMMA) return "lines";
  // A row that was cut off after a comma looks the same, but the next row follows it, not a name.
  const next = head.subarray(newline).find((byte) => !isBlank(byte));
  if (next === undefined) return ended ? "lines" : undefined;
  return next === QUOTE || next === CLOSE_BRACE ? "sequence" : "lines";
}

/** Of a UTF-8 byte order mark at the start. */
export function bomLength(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

const SNIFFED_BYTES = 4096;

/** @throws FileError for UTF-16 and for binary files */
export function checkEncoding(head: Uint8Array, name: string, expected = "JSON lines or JSON"): void {
  const [a, b] = head;
  const zero = head.subarray(0, SNIFFED_BYTES).indexOf(0);
  const utf16 = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) || (zero >= 0 && zero <= 1);
  if (utf16) {
    const advice = `Expected UTF-8 text in ${name}, but it looks like UTF-16: convert it (iconv -f UTF-16 -t UTF-8).`;
    throw new FileError("ERR_INVALID_JSON", advice, { file: name });
  }
  if (zero >= 0) {
    throw new FileError("ERR_INVALID_JSON", `Expected ${expected} in ${name}, but it is a binary file.`, {
      file: name,
    });
  }
}

function parseRow({ bytes, line, endOffset, problem }: Piece, element: string | undefined): SourceRow {
  const where = element ?? `line ${line}`;
  const failed = (message: string, cause?: unknown): SourceRow => ({
    where,
    endOffset,
    error: new InvalidInputError("ERR_INVALID_JSON", message, { line, cause }),
  });
  if (problem !== undefined || bytes === undefined) return failed(problem ?? "There is nothing to read.");
  // Replacing wrong bytes, as decoders do, would score another text than the one in the file.
  if (!isUtf8(bytes)) return failed("It is not valid UTF-8.");
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  try {
    return { where, endOffset, source, value: JSON.parse(source) };
  } catch (error) {
    // V8 counts lines from the start of the row; ours count from the start of the input.
    const reason = (error as Error).message
      .replace(/ \(line \d+ column \d+\)$/, "")
      .replace(/, (\.*".*) is not valid JSON$/s, " in $1");
    return failed(`It is not valid JSON: ${reason}.`, error);
  }
}
