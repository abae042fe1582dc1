/** CSV by RFC 4180: records that end at a line break outside of quotes, and the fields of one. */
import { Collector, type InputStart, type Piece, type Splitter } from "./json-splitter.ts";

const [NEWLINE, QUOTE, COMMA, RETURN] = [0x0a, 0x22, 0x2c, 0x0d];

/** Every record is a piece; empty lines are left out, but counted. */
export class CsvSplitter implements Splitter {
  readonly #collector = new Collector();
  #line: number;
  #startLine: number;
  #offset: number;
  #inQuotes = false;
  /** Whether a quote would begin a quoted field: inside a bare field it is a character like others. */
  #atFieldStart = true;
  /** A quoted field has ended, unless another quote follows at once. */
  #afterQuote = false;

  constructor({ offset, line }: InputStart = { offset: 0, line: 1 }) {
    this.#offset = offset;
    this.#line = line;
    this.#startLine = line;
  }

  push(chunk: Uint8Array): Piece[] {
    const pieces: Piece[] = [];
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === NEWLINE) this.#line += 1;
      if (this.#inQuotes) {
        if (byte !== QUOTE) continue;
        this.#inQuotes = false;
        this.#afterQuote = true;
        continue;
      }
      if (byte === QUOTE && (this.#atFieldStart || this.#afterQuote)) this.#inQuotes = true;
      this.#afterQuote = false;
      this.#atFieldStart = byte === COMMA || byte === NEWLINE;
      if (byte !== NEWLINE) continue;
      if (i > from) this.#collector.add(chunk.subarray(from, i));
      from = i + 1;
      this.#finish(pieces, this.#offset + from);
      this.#startLine = this.#line;
    }
    this.#collector.add(chunk.subarray(from));
    this.#offset += chunk.length;
    return pieces;
  }

  end(): Piece[] {
    const pieces: Piece[] = [];
    const isOpen = this.#inQuotes;
    const taken = this.#collector.take();
    const problem = taken.problem ?? 'It has a quoted field without an end: its closing " is missing.';
    if (isOpen) pieces.push({ problem, line: this.#startLine, endOffset: this.#offset });
    else this.#push(pieces, taken, this.#offset);
    return pieces;
  }

  #finish(pieces: Piece[], endOffset: number): void {
    if (this.#collector.empty) return;
    this.#push(pieces, this.#collector.take(), endOffset);
  }

  #push(pieces: Piece[], taken: { bytes?: Uint8Array; problem?: string }, endOffset: number): void {
    if (taken.bytes?.every((byte) => byte === RETURN)) return;
    pieces.push({ ...taken, line: this.#startLine, endOffset });
  }
}

/** The fields of one record. Throws an Error for quotes in wrong places. */
export function csvFields(record: string): string[] {
  const text = record.endsWith("\r") ? record.slice(0, -1) : record;
  const fields: string[] = [];
  for (let at = 0; ; ) {
    let field: string;
    if (text[at] === '"') {
      const end = closingQuote(text, at + 1);
      field = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
      if (at < text.length && text[at] !== ",")
        throw new Error(`a quoted field continues after its closing quote, in field ${fields.length + 1}`);
    } else {
      const comma = text.indexOf(",", at);
      const end = comma < 0 ? text.length : comma;
      field = text.slice(at, end);
      at = end;
    }
    fields.push(field);
    if (at === text.length) return fields;
    at += 1;
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at);
    if (at < 0) throw new Error("a quoted field has no end");
    if (text[at + 1] !== '"') return at;
  }
}
