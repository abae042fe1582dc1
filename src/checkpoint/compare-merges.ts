/** The merges of tokenizer.json beside those that transformers makes of tokenizer.model. */
import { quote } from "../files/byte-source.ts";
import type { Differences } from "./differences.ts";
import type { FastTokenizer } from "./fast-tokenizer.ts";
import { givesSameIds } from "./merge-order.ts";
import type { SentencePieceModel } from "./sentencepiece.ts";
import { convertedMerges, emptyList, type MergeList, pairKey, picked, reordered } from "./sentencepiece-merges.ts";

/** @param cutOut ids of tokens that are cut out of text before anything is merged */
export function compareMerges(
  model: SentencePieceModel,
  fast: FastTokenizer,
  { mode, cutOut }: { readonly mode: "slow" | "fast-4.41" | "fast-4.42"; readonly cutOut: ReadonlySet<number> },
  found: Differences,
): void {
  const field = "model.merges";
  const converted = convertedMerges(model);
  if (converted === undefined) {
    found.add(field, "its merges cannot be compared, because pieces of tokenizer.model are too long");
    return;
  }
  // Merges of tokens that are cut out before never come about; some files leave them out.
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
      found.add(field, `it lacks the merge ${name(wanted, i)}, which tokenizer.model makes`);
  if (found.count > 0 || sameOrder(wanted, given)) return;
  const known = (["4.44", "5"] as const).some((order) => sameOrder(reordered(wanted, model, order), given));
  // SentencePiece goes by the scores, whatever the order of a list.
  if (known && (mode === "slow" || givesSameIds(model, wanted, given))) return;
  for (let i = 0; i < wanted.left.length; i++)
    if (pairKey(wanted, i) !== pairKey(given, i))
      found.add(
        field,
        `its merge ${i} is ${name(given, i)}, where the scores of tokenizer.model give ${name(wanted, i)}`,
      );
}

function nameOf({ pieces }: SentencePieceModel, id: number): string {
  return id >= 0 && id < pieces.length ? quote(pieces.at(id)) : "(a token that is no piece)";
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

function sameOrder(one: MergeList, other: MergeList): boolean {
  return one.left.length === other.left.length && one.left.every((_, i) => pairKey(one, i) === pairKey(other, i));
}
