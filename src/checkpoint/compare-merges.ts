/** Compares the merges of tokenizer.json with those that transformers derives from tokenizer.model. */
import { quote } from "../files/byte-source.ts";
import type { Differences } from "./differences.ts";
import type { FastTokenizer } from "./fast-tokenizer.ts";
import { givesSameIds } from "./merge-order.ts";
import type { SentencePieceModel } from "./sentencepiece.ts";
import {
  convertedMerges,
  emptyList,
  type MergeList,
  type MergeOrder,
  pairKey,
  picked,
  reordered,
} from "./sentencepiece-merges.ts";

interface HowToCompare {
  readonly mode: "slow" | "fast-4.41" | "fast-4.42";
  /** Ids of tokens that are cut out of text before anything is merged. */
  readonly cutOut: ReadonlySet<number>;
  /** Later orders that are reproduced though they give other ids. */
  readonly orders?: readonly MergeOrder[] | undefined;
}

export function compareMerges(
  model: SentencePieceModel,
  fast: FastTokenizer,
  { mode, cutOut, orders = [] }: HowToCompare,
  found: Differences,
): void {
  const field = "model.merges";
  const converted = convertedMerges(model);
  if (converted === undefined) {
    found.add(field, "its merges cannot be compared, because pieces of tokenizer.model are too long");
    return;
  }
  // Tokens that are split out first are never merged; some files omit their merges.
  const matters = ({ left, right, merged }: MergeList, i: number) =>
    ![left[i], right[i], merged[i]].some((id) => cutOut.has(id as number));
  const wanted = filtered(converted, matters);
  const given = filtered(mergesOf(fast), matters);
  const name = (list: MergeList, i: number) =>
    [list.left, list.right].map((ids) => nameOf(model, ids[i] as number)).join(" + ");
  const wantedKeys = new Set(Array.from(wanted.left, (_, i) => pairKey(wanted, i)));
  const givenKeys = new Set<number>();
  for (let i = 0; i < given.left.length; i++) {
    const key = pairKey(given, i);
    if (!wantedKeys.has(key))
      found.add(field, `it has the merge ${name(given, i)}, which tokenizer.model does not make`);
    if (givenKeys.has(key)) found.add(field, `it has the merge ${name(given, i)} twice`);
    givenKeys.add(key);
  }
  for (let i = 0; i < wanted.left.length; i++)
    if (!givenKeys.has(pairKey(wanted, i)))
      found.add(field, `it has no merge ${name(wanted, i)}, which tokenizer.model makes`);
  if (found.count > 0 || misplaced(wanted, given) === 0) return;
  const later = (["4.44", "5"] as const).map((order) => reordered(wanted, model, order));
  const [nearest = wanted] = [wanted, ...later].sort((a, b) => misplaced(a, given) - misplaced(b, given));
  found.mergeOrder = orders.find((order) => misplaced(reordered(wanted, model, order), given) === 0);
  if (found.mergeOrder !== undefined) return;
  // SentencePiece ranks merges by score, not by their order in a list.
  const isKnown = misplaced(nearest, given) === 0;
  if (isKnown && (mode === "slow" || givesSameIds(model, wanted, given))) return;
  const expected = isKnown ? wanted : nearest;
  for (let i = 0; i < expected.left.length; i++)
    if (pairKey(expected, i) !== pairKey(given, i))
      found.add(
        field,
        `its merge ${i} is ${name(given, i)}, and the scores of tokenizer.model give ${name(expected, i)}`,
      );
}

function nameOf({ pieces }: SentencePieceModel, id: number): string {
  return id >= 0 && id < pieces.length ? quote(pieces.at(id)) : "(a token that is not a piece)";
}

function filtered(list: MergeList, matters: (list: MergeList, i: number) => boolean): MergeList {
  const places = Array.from(list.left, (_, i) => i).filter((i) => matters(list, i));
  return places.length === list.left.length ? list : picked(list, Int32Array.from(places));
}

/** Tokens that are not there get the id -1, which no merge of tokenizer.model has. */
function mergesOf({ merges, vocab }: FastTokenizer): MergeList {
  const list = emptyList(merges.length);
  merges.forEach(([left, right], i) => {
    list.left[i] = vocab.get(left) ?? -1;
    list.right[i] = vocab.get(right) ?? -1;
    list.merged[i] = vocab.get(left + right) ?? -1;
  });
  return list;
}

/** Of two lists of the same merges: how many places have another one. */
function misplaced(one: MergeList, other: MergeList): number {
  let count = 0;
  for (let i = 0; i < one.left.length; i++) if (pairKey(one, i) !== pairKey(other, i)) count += 1;
  return count;
}
