/** The rewards of single tokens as cells of readable text. */
import type { TokenRewards } from "../../../scoring/types.ts";
import { byteAlphabet } from "../../../vocabulary/byte-alphabet.ts";
import { BYTE_BPE } from "../../../vocabulary/tokenization.ts";

/** One token; or several, where only together they are a character. */
export interface Cell {
  /** What a reader sees of it; "" for a token without text. */
  readonly text: string;
  /** A template's token, such as the one that ends a turn, or bytes that are no text. */
  readonly isSpecial: boolean;
  /** Token ids. */
  readonly ids: readonly number[];
  /** Place of the first token in the response, from 1. */
  readonly place: number;
  /** The reward if the text ended here. */
  readonly reward: number;
  /** From the token before; undefined for the first. */
  readonly change: number | undefined;
}

type Decoded = { readonly bytes: readonly number[] } | { readonly text: string; readonly isSpecial: boolean };

export function cellsOf({ ids, pieces, rewards }: TokenRewards, tokenization: string | undefined): Cell[] {
  const decode = tokenization === BYTE_BPE ? byteLevel : sentencePiece;
  const cells: Cell[] = [];
  let bytes: number[] = [];
  let begin = 0;
  const close = (end: number, text: string, isSpecial: boolean) => {
    const reward = rewards[end - 1] as number;
    const before = rewards[begin - 1];
    const change = before === undefined ? undefined : reward - before;
    cells.push({ text, isSpecial, ids: ids.slice(begin, end), place: begin + 1, reward, change });
    begin = end;
    bytes = [];
  };
  for (const [i, piece] of pieces.entries()) {
    const decoded = decode(piece);
    if ("text" in decoded) {
      if (bytes.length > 0) close(i, rawBytes(bytes), true);
      close(i + 1, decoded.text, decoded.isSpecial);
      continue;
    }
    bytes.push(...decoded.bytes);
    const text = asText(bytes);
    if (text === undefined && i + 1 < pieces.length && isUnfinished(bytes)) continue;
    close(i + 1, text ?? rawBytes(bytes), text === undefined);
  }
  return cells;
}

/** How vocabularies write tokens that are not part of a text. */
const SPECIAL = /^(?:<\|[^|]*\|>|<\/?[a-z_]+>|<｜[^｜]*｜>|\[[A-Z]+\]|<start_of_turn>|<end_of_turn>)$/;

function sentencePiece(piece: string): Decoded {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
  if (byte !== undefined) return { bytes: [Number.parseInt(byte, 16)] };
  if (SPECIAL.test(piece)) return { text: piece, isSpecial: true };
  return { text: piece.replaceAll("▁", " "), isSpecial: false };
}

let alphabet: ReadonlyMap<string, number> | undefined;

function byteLevel(piece: string): Decoded {
  if (SPECIAL.test(piece)) return { text: piece, isSpecial: true };
  alphabet ??= new Map(byteAlphabet().map((character, byte) => [character, byte]));
  const bytes = Array.from(piece, (character) => alphabet?.get(character));
  // An added token has the characters of its text.
  if (!bytes.every((byte) => byte !== undefined)) return { text: piece, isSpecial: false };
  return { bytes };
}

function asText(bytes: readonly number[]): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** Whether more bytes can make it a text: its last character has begun. */
function isUnfinished(bytes: readonly number[]): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes), { stream: true });
    return true;
  } catch {
    return false;
  }
}

function rawBytes(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
}

export const STRENGTHS = 4;

/** -4 (falls most) to 4 (rises most) for each cell; 0 for hardly any change. */
export function strengths(cells: readonly Cell[]): number[] {
  const largest = Math.max(...cells.map(({ change = 0 }) => Math.abs(change)), Number.MIN_VALUE);
  return cells.map(({ change = 0 }) => Math.sign(change) * Math.round((STRENGTHS * Math.abs(change)) / largest) || 0);
}

/** A token in words, for those who cannot see a space or a line break. */
export function nameOf({ text, isSpecial }: Cell): string {
  if (isSpecial) return text;
  if (text === "") return "no text";
  if (/^ +$/.test(text)) return text.length === 1 ? "a space" : `${text.length} spaces`;
  if (/^\n+$/.test(text)) return text.length === 1 ? "a line break" : `${text.length} line breaks`;
  if (/^\t+$/.test(text)) return text.length === 1 ? "a tab" : `${text.length} tabs`;
  return `“${text.trim()}”`;
}
