/** Cuts CSV into records (RFC 4180). Ours, not csv-parse: 64 MiB records in constant memory, and rows after a broken one. */
import { Collector, type InputStart, type Piece, type Splitter } from "./json-splitter.ts";
import { MAX_ROW_VALUES } from "./json-value.ts";

const [NEWLINE, QUOTE, RETURN] = [0x0a, 0x22, 0x0d];

/** Every record is a piece; empty lines are skipped, but counted. */
export class CsvSplitter implements Splitter {
  readonly #collector = new Collector();
  readonly #delimiter: number;
  #line: number;
  #startLine: number;
  #offset: number;
  #inQuotes = false;
  /** Whether a quote opens a quoted field: inside an unquoted field it is an ordinary character. */
  #atFieldStart = true;
  /** A quoted field has ended, unless another quote follows at once. */
  #afterQuote = false;
  /** A carriage return has followed a closing quote: only a line feed may come next. */
  #afterReturn = false;
  #fields = 1;
  /** The first field with text after its closing quote, counted from 1. relax_quotes would accept it. */
  #badField: number | undefined;

  constructor({ offset, line }: InputStart = { offset: 0, line: 1 }, delimiter = ",") {
    this.#delimiter = delimiter.charCodeAt(0);
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
      const isDelimiter = byte === this.#delimiter;
      if (byte === QUOTE && (this.#atFieldStart || this.#afterQuote)) this.#inQuotes = true;
      else if (byte !== NEWLINE && (this.#afterQuote ? !isDelimiter && byte !== RETURN : this.#afterReturn))
        this.#badField ??= this.#fields;
      this.#afterReturn = this.#afterQuote && byte === RETURN;
      this.#afterQuote = false;
      this.#atFieldStart = isDelimiter || byte === NEWLINE;
      if (isDelimiter) this.#fields += 1;
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
    const problem = taken.problem ?? 'It has a quoted field that never ends: the closing " is missing.';
    if (isOpen) pieces.push({ problem, line: this.#startLine, endOffset: this.#offset });
    else this.#push(pieces, taken, this.#offset);
    return pieces;
  }

  #finish(pieces: Piece[], endOffset: number): void {
    if (this.#collector.empty) return;
    this.#push(pieces, this.#collector.take(), endOffset);
  }

  #push(pieces: Piece[], taken: { bytes?: Uint8Array; problem?: string }, endOffset: number): void {
    const problem = taken.problem ?? this.#problem();
    this.#fields = 1;
    this.#badField = undefined;
    if (taken.bytes?.every((byte) => byte === RETURN)) return;
    const record = problem === undefined ? taken : { problem };
    pieces.push({ ...record, line: this.#startLine, endOffset });
  }

  #problem(): string | undefined {
    if (this.#fields > MAX_ROW_VALUES) return `It has more than ${MAX_ROW_VALUES} fields, the limit for a row.`;
    if (this.#badField !== undefined)
      return `It is not valid CSV: there is text after the closing quote of field ${this.#badField}.`;
    return undefined;
  }
}
