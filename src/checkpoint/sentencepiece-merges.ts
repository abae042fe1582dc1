/** The merges that transformers' converter (convert_slow_tokenizer.py) derives from a SentencePiece model. */
import type { SentencePieceModel } from "./sentencepiece.ts";

/** Merges, best first: the pieces `left` and `right` become the piece `merged`. */
export interface MergeList {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly merged: Int32Array;
}

/**
 * Most characters that are examined: each cut of a piece costs its length. A vocabulary of 256,000 pieces with some runs
 * of 128 spaces takes 20 million; the longest pieces that are allowed would take minutes.
 */
const MAX_CHARACTERS = 500_000_000;
/** The converter gives the first three pieces the score 0. */
const REGISTERED = 3;

/**
 * Every cut of every piece into two pieces, in the order of transformers up to 4.43: by the score of the piece, then by
 * the ids of the piece, its left and its right part.
 *
 * @returns undefined if the pieces are too long
 */
export function convertedMerges(model: SentencePieceModel): MergeList | undefined {
  const { pieces } = model;
  const cuts: number[][] = [];
  let characters = 0;
  let count = 0;
  for (let id = 0; id < pieces.length; id++) {
    const text = pieces.at(id);
    characters += text.length * text.length;
    if (characters > MAX_CHARACTERS) return undefined;
    const found: [number, number][] = [];
    for (let at = 1; at < text.length; at++) {
      if (isLowSurrogate(text.charCodeAt(at))) continue;
      const left = model.idOf(text.slice(0, at));
      const right = left === undefined ? undefined : model.idOf(text.slice(at));
      if (left !== undefined && right !== undefined) found.push([left, right]);
    }
    cuts.push(found.sort((a, b) => a[0] - b[0] || a[1] - b[1]).flat());
    count += found.length;
  }
  const list = emptyList(count);
  let next = 0;
  const order = Int32Array.from({ length: pieces.length }, (_, id) => id);
  order.sort((a, b) => scoreOf(model, b) - scoreOf(model, a) || a - b);
  for (const id of order) {
    const pairs = cuts[id] as number[];
    for (let i = 0; i < pairs.length; i += 2) {
      list.left[next] = pairs[i] as number;
      list.right[next] = pairs[i + 1] as number;
      list.merged[next++] = id;
    }
  }
  return list;
}

/** The score by which the converter ranks a piece. */
export function scoreOf({ scores }: SentencePieceModel, id: number): number {
  return id < REGISTERED ? 0 : (scores[id] as number);
}

/** Another order of the same merges, by the version of transformers that has it. */
export type MergeOrder = "4.44" | "5";

/**
 * `list`, which is in the order of {@link convertedMerges}, in a later one. 4.44 to 4.57: by score, then the longest left
 * part, then the longest right part first. 5: by the piece's id, then the shortest parts first.
 */
export function reordered(list: MergeList, model: SentencePieceModel, order: MergeOrder): MergeList {
  const lengths = Int32Array.from({ length: model.pieces.length }, (_, id) => characterCount(model.pieces.at(id)));
  const { left, right, merged } = list;
  const length = (ids: Int32Array, i: number) => lengths[ids[i] as number] as number;
  const id = (ids: Int32Array, i: number) => ids[i] as number;
  const byCreation = (a: number, b: number) => id(merged, a) - id(merged, b) || a - b;
  const byLength = (a: number, b: number) => length(left, a) - length(left, b) || length(right, a) - length(right, b);
  const compare =
    order === "4.44"
      ? (a: number, b: number) =>
          scoreOf(model, id(merged, b)) - scoreOf(model, id(merged, a)) || byLength(b, a) || byCreation(a, b)
      : (a: number, b: number) => id(merged, a) - id(merged, b) || byLength(a, b) || a - b;
  return picked(list, Int32Array.from({ length: left.length }, (_, i) => i).sort(compare));
}

/** The merges at these indices. */
export function picked({ left, right, merged }: MergeList, places: Int32Array): MergeList {
  return {
    left: places.map((place) => left[place] as number),
    right: places.map((place) => right[place] as number),
    merged: places.map((place) => merged[place] as number),
  };
}

export function emptyList(length: number): MergeList {
  return { left: new Int32Array(length), right: new Int32Array(length), merged: new Int32Array(length) };
}

/** One number for a pair of ids, which are at most 2^20. */
export function keyOf(left: number, right: number): number {
  return left * 0x200000 + right;
}

export function pairKey({ left, right }: MergeList, i: number): number {
  return keyOf(left[i] as number, right[i] as number);
}

function characterCount(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if (isLowSurrogate(text.charCodeAt(i))) count -= 1;
  return count;
}

/** A cut goes between characters, not through one. */
function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
