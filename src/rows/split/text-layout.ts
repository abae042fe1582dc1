/** How the rows of a text follow each other, and what a part of it needs to be read as the whole is. */
import type { Piece, Splitter } from "../json-splitter.ts";

export interface TextLayout {
  readonly splitter: Splitter;
  /** The rows in the first bytes. */
  readonly pieces: readonly Piece[];
  readonly extension: ".jsonl" | ".json" | ".csv" | ".tsv";
  /** Position of what is divided among the parts: all of it, or what follows the header. */
  readonly start: number;
  /** Of a table. */
  readonly columns?: readonly string[];
  /** What a part begins with. @param header the input's bytes up to `start` */
  opening(header: Uint8Array, isFirst: boolean): Uint8Array;
  /** What a part ends with, except the last, which ends as the input does. */
  readonly closing: Uint8Array;
  /** Bytes at the end of a row that only stand between two rows of one part. */
  readonly separator: number;
  isRow(piece: Piece): boolean;
  /** Whether a part may begin with a row. */
  canOpen(piece: Piece): boolean;
  /** Whether a part may end with a row. */
  canClose(piece: Piece): boolean;
  /** A field of a row, as text to compare; undefined where the row has none. */
  fieldOf(piece: Piece, name: string): string | undefined;
}
