/**
 * A SentencePiece model made again from the tokenizer.json that transformers' converter made of it: fine-tunes are often saved
 * without tokenizer.model. Whether the two give the same ids is checked afterwards, as it is for any two files.
 */
import { quote } from "../files/byte-source.ts";
import { PIECE_TYPE } from "../vocabulary/piece-types.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import type { FastTokenizer } from "./fast-tokenizer.ts";
import { own } from "./json.ts";
import { refuse } from "./refuse.ts";
import { bytePiece, checkPieces, type SentencePieceModel } from "./sentencepiece.ts";

const DEFAULT_UNKNOWN = "<unk>";
const TAB = 9;

/**
 * @param spellsTab whether the converter spells the byte piece of the tab as a tab
 * @throws FileError ERR_INVALID_CHECKPOINT for ids with gaps, or a vocabulary without byte pieces
 */
export function rebuiltPieces(fast: FastTokenizer, spellsTab: boolean): SentencePieceModel {
  const names = namesOf(fast);
  const scores = scoresOf(fast, names.length);
  const bytes = new Set(Array.from({ length: 256 }, (_, byte) => bytePiece(byte)));
  if (spellsTab && !fast.vocab.has(bytePiece(TAB))) renameTab(names);
  const given = own(fast.model, "unk_token");
  const unknown = typeof given === "string" ? given : DEFAULT_UNKNOWN;
  const added = new Map(fast.addedTokens.map(({ id, special }) => [id, special]));
  const pieces = names.map((name, id) => {
    const special = added.get(id);
    const type =
      name === unknown
        ? PIECE_TYPE.unknown
        : special !== undefined
          ? special
            ? PIECE_TYPE.control
            : PIECE_TYPE.userDefined
          : bytes.has(name)
            ? PIECE_TYPE.byte
            : PIECE_TYPE.normal;
    return { bytes: Buffer.from(name), score: scores[id] as number, type };
  });
  const ids = checkPieces(pieces, fast.path);
  return {
    pieces: StringTable.from(pieces.map((piece) => piece.bytes)),
    scores,
    types: Uint8Array.from(pieces, ({ type }) => type),
    unknownId: names.indexOf(unknown),
    addDummyPrefix: fast.spacing === "prepended",
    idOf: (piece) => ids.get(piece),
  };
}

/** Pieces by id; added tokens behind them are none. */
function namesOf({ path, vocab, addedTokens }: FastTokenizer): string[] {
  const names: (string | undefined)[] = [];
  const field = "model.vocab";
  for (const [token, id] of vocab) {
    if (id >= vocab.size + addedTokens.length || names[id] !== undefined)
      throw refuse(path, `gives the token ${quote(token)} the id ${id}, which leaves a gap or is another token's.`, {
        field,
      });
    names[id] = token;
  }
  for (const { id, content } of addedTokens) if (id < names.length) names[id] ??= content;
  const gap = Array.from(names).indexOf(undefined);
  if (gap !== -1) throw refuse(path, `has no token with the id ${gap}.`, { field });
  return names as string[];
}

function renameTab(names: string[]): void {
  const tab = names.indexOf("\t");
  if (tab !== -1) names[tab] = bytePiece(TAB);
}

/**
 * Merges are sorted by the score of the piece that they make. So pieces get scores by the order of their merges: equal ones where
 * the merges of several pieces are mixed, and the lowest for pieces that no merge makes.
 */
function scoresOf({ merges, vocab }: FastTokenizer, count: number): Float32Array {
  const merged = Int32Array.from(merges, ([left, right]) => vocab.get(left + right) ?? -1);
  const last = new Int32Array(count).fill(-1);
  merged.forEach((id, i) => {
    if (id !== -1) last[id] = i;
  });
  const scores = new Float32Array(count);
  let [group, end] = [0, -1];
  merged.forEach((id, i) => {
    if (id === -1) return;
    if (i > end) group += 1;
    end = Math.max(end, last[id] as number);
    scores[id] = -group;
  });
  return scores.map((score) => (score === 0 ? -group - 1 : score));
}
