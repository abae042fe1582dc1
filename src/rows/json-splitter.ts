/**
 * Ours, not a JSON library: 64 MiB rows in constant memory, and reading on after a broken row.
 *
 * Cuts bytes into the JSON values of an input without reading it whole. Three layouts: JSON lines, the elements of one
 * array, and values written over several lines one after another (one pretty-printed object, or the output of `jq`).
 * A splitter is fed chunk by chunk and returns the pieces that are complete; it never holds more than one piece.
 */

/** The longest row, in bytes. Only the last 2048 tokens of a text count, so no useful row comes near it. */
export const MAX_ROW_BYTES = 64 * 1024 * 1024;

export interface Piece {
  /** Undefined for a piece that was too long and was skipped, or that reports a `problem`. */
  readonly bytes?: Uint8Array;
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** Bytes of the input up to its end. */
  readonly endOffset: number;
  /** What is wrong with the input at this place. */
  readonly problem?: string;
  /** The problem is that of the whole array, not of one element. */
  readonly ofArray?: true;
}

/** Where the first row begins, or may begin. */
export interface InputStart {
  /** Bytes of the input before it. */
  readonly offset: number;
  /** Its line, counted from 1. */
  readonly line: number;
}

const BEGINNING: InputStart = { offset: 0, line: 1 };

export interface Splitter {
  push(chunk: Uint8Array): Piece[];
  end(): Piece[];
}

const [TAB, NEWLINE, RETURN, SPACE, QUOTE, BACKSLASH, COMMA] = [0x09, 0x0a, 0x0d, 0x20, 0x22, 0x5c, 0x2c];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;
}

/** The bytes up to the last that is not blank. */
function withoutBlanks(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && isBlank(bytes[end - 1] as number)) end -= 1;
  return bytes.subarray(0, end);
}

/** Collects the bytes of one piece up to {@link MAX_ROW_BYTES}; blanks after them do not count. */
export class Collector {
  #parts: Uint8Array[] = [];
  #size = 0;
  /** From here on only blanks may come. */
  #full = false;
  #tooLong = false;

  get empty(): boolean {
    return this.#size === 0 && !this.#tooLong;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#tooLong) return;
    const wasFull = this.#full;
    this.#full ||= this.#size + bytes.length > MAX_ROW_BYTES;
    const kept = this.#full ? withoutBlanks(bytes) : bytes;
    if (kept.length === 0) return;
    this.#size += kept.length;
    // A copy: a view would keep a whole chunk alive for a few bytes.
    if (!wasFull && this.#size <= MAX_ROW_BYTES) this.#parts.push(new Uint8Array(kept));
    else {
      this.#tooLong = true;
      this.#parts = [];
    }
  }

  take(): { bytes?: Uint8Array; problem?: string } {
    const [parts, tooLong] = [this.#parts, this.#tooLong];
    this.#parts = [];
    this.#size = 0;
    this.#full = false;
    this.#tooLong = false;
    if (tooLong) return { problem: `It is longer than ${MAX_ROW_BYTES} bytes.` };
    return { bytes: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts) };
  }
}

/** JSON lines: every line is a piece; blank ones are left out, but counted. */
export class LineSplitter implements Splitter {
  readonly #collector = new Collector();
  #line: number;
  #offset: number;

  constructor({ offset, line }: InputStart = BEGINNING) {
    this.#offset = offset;
    this.#line = line;
  }

  push(chunk: Uint8Array): Piece[] {
    const pieces: Piece[] = [];
    let from = 0;
    for (;;) {
      if (this.#collector.empty) from = this.#skipBlanks(chunk, from);
      const newline = chunk.indexOf(NEWLINE, from);
      if (newline < 0) break;
      this.#collector.add(chunk.subarray(from, newline));
      from = newline + 1;
      this.#finish(pieces, this.#offset + from);
      this.#line += 1;
    }
    this.#collector.add(chunk.subarray(from));
    this.#offset += chunk.length;
    return pieces;
  }

  end(): Piece[] {
    const pieces: Piece[] = [];
    this.#finish(pieces, this.#offset);
    return pieces;
  }

  /** Blanks before a row are not kept, however many there are. */
  #skipBlanks(chunk: Uint8Array, from: number): number {
    let at = from;
    for (; at < chunk.length && isBlank(chunk[at] as number); at++) if (chunk[at] === NEWLINE) this.#line += 1;
    return at;
  }

  #finish(pieces: Piece[], endOffset: number): void {
    if (this.#collector.empty) return;
    pieces.push({ ...this.#collector.take(), line: this.#line, endOffset });
  }
}

/** Values by their brackets: the elements of one array, or values one after another. */
export class ValueSplitter implements Splitter {
  readonly #collector = new Collector();
  readonly #inArray: boolean;
  #state: "before" | "inside" | "after" | "done";
  /** The line of the last comma between elements. */
  #commaLine: number | undefined;
  #trailingComma: number | undefined;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #started = false;
  #line: number;
  #startLine: number;
  #offset: number;

  constructor(layout: "array" | "sequence", { offset, line }: InputStart = BEGINNING) {
    this.#inArray = layout === "array";
    this.#state = this.#inArray ? "before" : "inside";
    this.#offset = offset;
    this.#line = line;
    this.#startLine = line;
  }

  /** The line of a comma between the last element and the array's end, which JSON does not allow. It loses nothing. */
  get trailingComma(): number | undefined {
    return this.#trailingComma;
  }

  push(chunk: Uint8Array): Piece[] {
    const pieces: Piece[] = [];
    if (this.#state === "done") return pieces;
    let from = 0;
    const finish = (end: number, next: number) => {
      this.#collector.add(chunk.subarray(from, end));
      from = next;
      pieces.push({ ...this.#collector.take(), line: this.#startLine, endOffset: this.#offset + next });
      this.#started = false;
    };
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (byte === NEWLINE) this.#line += 1;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
        continue;
      }
      if (isBlank(byte)) {
        const bare = !this.#inArray && this.#started && this.#depth === 0;
        if (bare) finish(i, i + 1);
        else if (!this.#started) from = i + 1;
        continue;
      }
      if (this.#state === "before") {
        this.#state = "inside";
        from = i + 1;
        continue;
      }
      if (this.#state === "after") {
        const problem =
          byte === OPEN_BRACKET
            ? "Another JSON array begins after the first: a file is one array of rows, or a row a line (jq -c '.[]' FILE writes their elements)."
            : "There is more text after the end of the JSON array.";
        pieces.push({ problem, line: this.#line, endOffset: this.#offset + i, ofArray: true });
        this.#state = "done";
        return pieces;
      }
      const closes = byte === CLOSE_BRACKET || byte === CLOSE_BRACE;
      if (this.#inArray && this.#depth === 0 && (byte === COMMA || closes)) {
        if (!this.#started) this.#startLine = this.#line;
        if (byte === COMMA || this.#started) finish(i, i + 1);
        else this.#trailingComma = this.#commaLine;
        this.#commaLine = this.#line;
        if (closes) this.#state = "after";
        continue;
      }
      if (!this.#started) {
        this.#started = true;
        this.#startLine = this.#line;
        from = i;
      }
      if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) this.#depth += 1;
      else if (closes) this.#depth = Math.max(0, this.#depth - 1);
      if (closes && !this.#inArray && this.#depth === 0) finish(i + 1, i + 1);
    }
    if (this.#started) this.#collector.add(chunk.subarray(from));
    this.#offset += chunk.length;
    return pieces;
  }

  end(): Piece[] {
    const pieces: Piece[] = [];
    const whole = this.#depth === 0 && !this.#inString;
    if (this.#started && (whole || !this.#inArray)) {
      pieces.push({ ...this.#collector.take(), line: this.#startLine, endOffset: this.#offset });
    }
    if (this.#inArray && this.#state === "inside") {
      const problem = 'The input ends inside the JSON array: its "]" is missing.';
      pieces.push({ problem, line: this.#line, endOffset: this.#offset, ofArray: true });
    }
    return pieces;
  }
}
