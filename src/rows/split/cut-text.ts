/** Cuts a text between rows. Memory holds one row; the bytes of rows are passed on as they are. */
import { InvalidInputError } from "../../errors.ts";
import { MAX_SNIFFED_BYTES, type TextFormat } from "../format.ts";
import { MAX_ROW_BYTES, type Piece } from "../json-splitter.ts";
import { beginLayout } from "./begin-layout.ts";
import type { Candidate, CutRule, Totals } from "./cut-rule.ts";
import { RawBytes } from "./raw-bytes.ts";
import type { TextLayout } from "./text-layout.ts";

export interface TextInput {
  /** Its name in messages. */
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly found: TextFormat;
  /** Of a table: what its parts are called. */
  readonly extension: TextLayout["extension"];
  /** A field: rows with the same value, one after another, stay in one part. */
  readonly together?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onPosition?: ((bytes: number) => void) | undefined;
}

/** Takes the parts, one after another. */
export interface PartTarget {
  begin(): Promise<void>;
  write(bytes: Uint8Array): Promise<void>;
  end(rows: number): Promise<void>;
}

export const NO_TARGET: PartTarget = { begin: async () => {}, write: async () => {}, end: async () => {} };

/** As far as a reader looks for bytes that are no text. */
const TEXT_CHECKED_BYTES = 4096;
/** A row that is longer is broken, and is not held. */
const MAX_HELD_BYTES = MAX_ROW_BYTES + TEXT_CHECKED_BYTES;

/** @throws FileError, InvalidInputError for a field that no row has */
export async function cutText(
  input: TextInput,
  rule: CutRule,
  target: PartTarget,
): Promise<Totals & { readonly extension: TextLayout["extension"] }> {
  const cutter = new TextCutter(input, rule, target);
  return cutter.run();
}

class TextCutter {
  readonly #input: TextInput;
  readonly #rule: CutRule;
  readonly #target: PartTarget;
  readonly #raw = new RawBytes();
  #layout!: TextLayout;
  #header: Uint8Array = new Uint8Array();
  #before: Piece | undefined;
  /** How far the input was cut into rows. */
  #position = 0;
  /** Where the row before ends. */
  #end = 0;
  #rows = 0;
  #openings = 0;
  #partRows = 0;
  #partStart = 0;
  #opening = 0;
  /** The first part needs what its format was recognised by. */
  #firstCut = 0;
  #comparisons = 0;
  #hasField = false;

  constructor(input: TextInput, rule: CutRule, target: PartTarget) {
    this.#input = input;
    this.#rule = rule;
    this.#target = target;
  }

  async run(): Promise<Totals & { readonly extension: TextLayout["extension"] }> {
    const { chunks, signal, onPosition } = this.#input;
    const iterator = chunks[Symbol.asyncIterator]();
    const read = async () => {
      const { done, value } = await iterator.next();
      if (done) return undefined;
      this.#raw.push(value);
      return value as Uint8Array;
    };
    try {
      this.#layout = await beginLayout(read, this.#input);
      this.#position = this.#raw.end;
      await this.#begin();
      // One chunk ahead: what follows a row's beginning tells whether a part may begin with it.
      let chunk = await read();
      await this.#take(this.#layout.pieces);
      while (chunk !== undefined) {
        signal?.throwIfAborted();
        const next = await read();
        this.#position += chunk.length;
        await this.#take(this.#layout.splitter.push(chunk));
        onPosition?.(this.#position);
        chunk = next;
      }
      await this.#take(this.#layout.splitter.end());
      await this.#give(this.#raw.end);
      await this.#target.end(this.#partRows);
    } finally {
      await iterator.return?.();
    }
    if (this.#comparisons > 0 && !this.#hasField) throw noField(this.#input.together as string);
    const { start, extension } = this.#layout;
    return { rows: this.#rows, openings: this.#openings, start, end: this.#raw.end, extension };
  }

  async #begin(): Promise<void> {
    const { start, columns } = this.#layout;
    const { together } = this.#input;
    if (columns !== undefined && together !== undefined && !columns.includes(together)) throw noField(together);
    this.#header = Buffer.concat(this.#raw.take(start));
    this.#end = start;
    await this.#beginPart(true);
  }

  async #beginPart(isFirst: boolean): Promise<void> {
    await this.#target.begin();
    const opening = this.#layout.opening(this.#header, isFirst);
    if (opening.length > 0) await this.#target.write(opening);
    this.#opening = opening.length;
    this.#partStart = this.#end;
    this.#partRows = 0;
  }

  async #take(pieces: readonly Piece[]): Promise<void> {
    const { separator, isRow } = this.#layout;
    for (const piece of pieces) {
      if (isRow(piece)) {
        if (this.#rows === 0) {
          this.#openings = 1;
          if (!this.#layout.canOpen(piece)) this.#firstCut = MAX_SNIFFED_BYTES + this.#end;
        }
        if (this.#rows > 0 && this.#isCut(piece)) await this.#cut();
        this.#rows += 1;
        this.#partRows += 1;
        this.#before = piece;
      }
      this.#end = piece.endOffset;
    }
    const isHeld = this.#position - this.#end <= MAX_HELD_BYTES;
    await this.#give(isHeld ? this.#end - separator : this.#position);
  }

  #isCut(piece: Piece): boolean {
    let opens: boolean | undefined;
    const row: Candidate = {
      start: this.#end,
      end: piece.endOffset,
      partRows: this.#partRows,
      partBytes: this.#opening + this.#end - this.#partStart,
      opens: () => {
        if (opens !== undefined) return opens;
        opens = this.#opens(piece);
        if (opens) this.#openings += 1;
        return opens;
      },
    };
    return this.#rule.wants(row) && row.opens();
  }

  #opens(piece: Piece): boolean {
    const { canOpen, canClose, separator } = this.#layout;
    if (this.#end < this.#firstCut) return false;
    // What was passed on already cannot begin another part.
    if (!canOpen(piece) || !canClose(this.#before as Piece) || this.#raw.start > this.#end - separator) return false;
    return !this.#raw.includes(0, this.#end, TEXT_CHECKED_BYTES) && !this.#belongTogether(piece);
  }

  #belongTogether(piece: Piece): boolean {
    const { together } = this.#input;
    if (together === undefined) return false;
    const [one, other] = [this.#before as Piece, piece].map((each) => this.#layout.fieldOf(each, together));
    this.#comparisons += 1;
    this.#hasField ||= one !== undefined || other !== undefined;
    return one !== undefined && one === other;
  }

  async #cut(): Promise<void> {
    const { separator, closing } = this.#layout;
    await this.#give(this.#end - separator);
    if (closing.length > 0) await this.#target.write(closing);
    this.#raw.take(this.#end);
    await this.#target.end(this.#partRows);
    await this.#beginPart(false);
  }

  async #give(upTo: number): Promise<void> {
    for (const bytes of this.#raw.take(upTo)) await this.#target.write(bytes);
  }
}

function noField(name: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", `No row has the field ${JSON.stringify(name)}.`, {
    field: name,
  });
}
