/** CSV and TSV: every part begins with the names of the columns. */
import { beginCsv, isEmptyRecord, isSeparatorRecord, readHeader, recordsOf, withoutHeader } from "../csv-rows.ts";
import { DELIMITER_NAMES, type Delimiter } from "../format.ts";
import type { InputHead } from "../input-head.ts";
import type { Piece } from "../json-splitter.ts";
import type { TextLayout } from "./text-layout.ts";

export interface Table {
  readonly name: string;
  readonly delimiter: Delimiter;
  readonly extension: TextLayout["extension"];
}

const [QUOTE, RETURN] = [0x22, 0x0d];
const MARK_LENGTH = 3;

/**
 * @returns undefined: the header is not whole yet
 * @throws FileError for a table without a usable header
 */
export function beginTable(
  head: InputHead,
  { name, delimiter, extension }: Table,
  ended: boolean,
): TextLayout | undefined {
  const { splitter, pieces } = beginCsv(head, name, delimiter);
  const all = ended ? [...pieces, ...splitter.end()] : [...pieces];
  const records = recordsOf(all.slice(0, 2), delimiter);
  const [first] = records;
  const hasSeparator = first !== undefined && "fields" in first && isSeparatorRecord(first.fields, delimiter);
  const record = records[hasSeparator ? 1 : 0];
  if (record === undefined) {
    if (ended) throw withoutHeader(name, delimiter);
    return undefined;
  }
  const columns = readHeader(record, name);
  const ambiguous = Object.keys(DELIMITER_NAMES).some(
    (other) => other !== delimiter && columns.join("").includes(other),
  );
  const fieldsOf = (piece: Piece) => {
    const [read] = recordsOf([piece], delimiter);
    return read !== undefined && "fields" in read ? read.fields : undefined;
  };
  const code = delimiter.charCodeAt(0);
  const isHollow = (byte: number) => byte === code || byte === QUOTE || byte === RETURN;
  return {
    splitter: ended ? { push: () => [], end: () => [] } : splitter,
    pieces: all.slice(hasSeparator ? 2 : 1),
    extension,
    start: record.endOffset,
    opening: (header) => (ambiguous && !hasSeparator ? withSeparator(header, delimiter) : header),
    closing: new Uint8Array(),
    separator: 0,
    isRow: ({ bytes, ...piece }) =>
      bytes === undefined || !bytes.every(isHollow) || !isEmptyRecord(fieldsOf({ ...piece, bytes }) ?? [""], columns),
    canOpen: () => true,
    canClose: () => true,
    fieldOf(piece, field) {
      const value = fieldsOf(piece)?.[columns.indexOf(field)];
      return value === "" ? undefined : value;
    },
    columns,
  };
}

/** A few rows of a table could be taken for one with another separator that the header has, too: "sep=" names it, as Excel does. */
function withSeparator(header: Uint8Array, delimiter: Delimiter): Uint8Array {
  const mark = header[0] === 0xef && header[1] === 0xbb && header[2] === 0xbf ? MARK_LENGTH : 0;
  return Buffer.concat([header.subarray(0, mark), Buffer.from(`sep=${delimiter}\n`), header.subarray(mark)]);
}
