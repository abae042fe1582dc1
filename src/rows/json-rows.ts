/** Input bytes to rows: layout, encoding and JSON of each row; a row that is broken does not stop the others. */
import { isUtf8 } from "node:buffer";
import { InvalidInputError, type StarlingError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { doubledKey } from "../json-keys.ts";
import { InputHead } from "./input-head.ts";
import { isBlank, LineSplitter, MAX_ROW_BYTES, type Piece, type Splitter, ValueSplitter } from "./json-splitter.ts";
import { commaProblem, hasTooManyValues, MAX_ROW_VALUES, parseJson } from "./json-value.ts";

/**
 * One row of an input, as written. `value` has the numbers NaN, Infinity and -Infinity where Python wrote them;
 * `source` is JSON of the standard, with null in their place.
 */
export type SourceRow = { readonly where: string; readonly endOffset: number } & (
  | { readonly source: string; readonly value: unknown }
  | { readonly error: StarlingError }
);

/**
 * Rows as soon as they are complete.
 *
 * @param name the input's name in messages
 * @param onNotice told of a comma after the last element of an array
 */
export async function* readJsonRows(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  onNotice?: (message: string) => void,
): AsyncGenerator<SourceRow> {
  const head = new InputHead(name);
  let lookedAt = 0;
  let splitter: Splitter | undefined;
  let inArray = false;
  let count = 0;
  const toRow = (piece: Piece) =>
    parseRow(piece, inArray && piece.ofArray === undefined ? `element ${count++} (line ${piece.line})` : undefined);
  const begin = (layout: Layout): Piece[] => {
    inArray = layout === "array";
    splitter = layout === "lines" ? new LineSplitter(head.start) : new ValueSplitter(layout, head.start);
    return splitter.push(head.bytes());
  };
  for await (const chunk of chunks) {
    let pieces: Piece[];
    if (splitter) pieces = splitter.push(chunk);
    else {
      head.add(chunk);
      // Looking at all of a long first line with every chunk would take the square of its length.
      if (!head.hasBegun || (head.size > SHORT_HEAD_BYTES && head.size < 2 * lookedAt)) continue;
      lookedAt = head.size;
      const layout = detectLayout(head.bytes(), false);
      if (layout === undefined) continue;
      pieces = begin(layout);
    }
    for (const piece of pieces) yield toRow(piece);
  }
  if (!splitter) for (const piece of begin(detectLayout(head.bytes(), true) ?? "lines")) yield toRow(piece);
  for (const piece of (splitter as Splitter | undefined)?.end() ?? []) yield toRow(piece);
  const comma = splitter instanceof ValueSplitter ? splitter.trailingComma : undefined;
  if (comma !== undefined)
    onNotice?.(`${name} has a comma after its last element (line ${comma}), which is not valid JSON: ignored`);
}

const [NEWLINE, QUOTE, COMMA, OPEN_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x0a, 0x22, 0x2c, 0x5b, 0x7b, 0x7d];

/** Up to here a row is not kept waiting: it may come from a person or a slow program. */
const SHORT_HEAD_BYTES = 64 * 1024;

type Layout = "lines" | "array" | "sequence";

/**
 * The layout, from the first line that is not blank: "[" begins an array; an object that is not whole on its line but
 * breaks off where people and programs break lines is one of several lines; all else is JSON lines. Undefined: not
 * enough was read to tell.
 */
export function detectLayout(head: Uint8Array, ended: boolean): Layout | undefined {
  let start = 0;
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
  if (next === undefined) return ended || head.length - start > MAX_ROW_BYTES ? "lines" : undefined;
  return next === QUOTE || next === CLOSE_BRACE ? "sequence" : "lines";
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
  if (element !== undefined && bytes.every(isBlank))
    return failed(`It is not valid JSON: there is nothing before its comma.`);
  if (hasTooManyValues(bytes)) return failed(`It contains more than ${MAX_ROW_VALUES} values.`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  // Files that were put behind one another keep the byte order mark of each.
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  try {
    const { value, json } = parseJson(source);
    const key = doubledKey(source, value);
    if (key !== undefined)
      return failed(`It has the key ${quote(key)} twice in one object: remove or rename one of them.`);
    return { where, endOffset, source: json, value };
  } catch (error) {
    const comma = commaProblem(source);
    if (comma !== undefined) return failed(`It is not valid JSON: ${comma}.`, error);
    // V8 counts lines from the start of the row; ours count from the start of the input.
    const reason = (error as Error).message
      .replace(/ \(line \d+ column \d+\)$/, "")
      .replace(/, (\.*".*) is not valid JSON$/s, " in $1");
    return failed(`It is not valid JSON: ${reason}.`, error);
  }
}
