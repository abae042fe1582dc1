/**
 * Whether two orders of the same merges give the same ids. Versions of transformers sort merges of equal scores in
 * different ways. For Yi's and Llama 2's runs of spaces the ids stay the same; for other vocabularies they may not.
 */
import type { SentencePieceModel } from "./sentencepiece.ts";
import { keyOf, type MergeList, pairKey, scoreOf } from "./sentencepiece-merges.ts";

/** Most pieces of one score that are tried against each other; Yi has 30 with merges, Llama 2 has 16. */
const MAX_TIED = 400;
/** Most steps of all trials together: less than a second. */
const MAX_STEPS = 20_000_000;
/** Runs are tried up to this many times the longest piece of their character. */
const RUN_FACTOR = 4;

/**
 * Tries all texts in which two pieces of one score overlap, and runs. Orders that differ between pieces of different
 * scores are never the same.
 */
export function givesSameIds(model: SentencePieceModel, one: MergeList, other: MergeList): boolean {
  const trial = new Trial(model, one, other);
  const { length } = one.merged;
  const score = (list: MergeList, i: number) => scoreOf(model, list.merged[i] as number);
  for (let start = 0; start < length; ) {
    let end = start;
    let same = true;
    for (; end < length && score(one, end) === score(one, start); end++) {
      if (score(other, end) !== score(one, end)) return false;
      same &&= pairKey(one, end) === pairKey(other, end);
    }
    if (!same && !trial.agree(new Set(one.merged.subarray(start, end)))) return false;
    start = end;
  }
  return true;
}

class Trial {
  readonly #model: SentencePieceModel;
  readonly #lists: readonly [MergeList, MergeList];
  #ranks: readonly Map<number, number>[] | undefined;
  #steps = 0;

  constructor(model: SentencePieceModel, one: MergeList, other: MergeList) {
    this.#model = model;
    this.#lists = [one, other];
  }

  /** Whether texts that are made of these pieces have the same ids. */
  agree(ids: ReadonlySet<number>): boolean {
    if (ids.size > MAX_TIED) return false;
    const pieces = [...ids].map((id) => [...this.#model.pieces.at(id)]);
    for (const a of pieces) for (const b of pieces) if (!this.#overlapsAgree(a, b)) return false;
    const longest = new Map<string, number>();
    for (const [first = "", ...rest] of pieces)
      if (rest.every((character) => character === first))
        longest.set(first, Math.max(longest.get(first) ?? 0, rest.length + 1));
    for (const [character, length] of longest)
      for (let count = 2; count <= RUN_FACTOR * length; count++)
        if (!this.#agrees(new Array(count).fill(character))) return false;
    return true;
  }

  #overlapsAgree(a: readonly string[], b: readonly string[]): boolean {
    for (let common = 1; common < Math.min(a.length, b.length) + (a === b ? 0 : 1); common++) {
      const overlaps = a.slice(a.length - common).every((character, i) => character === b[i]);
      if (overlaps && !this.#agrees([...a, ...b.slice(common)])) return false;
    }
    return true;
  }

  #agrees(text: readonly string[]): boolean {
    this.#steps += text.length * text.length;
    if (this.#steps > MAX_STEPS) return false;
    this.#ranks ??= this.#lists.map((list) => new Map(Array.from(list.merged, (_, i) => [pairKey(list, i), i])));
    const [one, other] = this.#lists.map((list, i) =>
      this.#encode(text, list, this.#ranks?.[i] as Map<number, number>),
    );
    return String(one) === String(other);
  }

  /** Byte-pair encoding of a short text, one merge after another. Characters that are not a piece stay as -1. */
  #encode(text: readonly string[], list: MergeList, ranks: ReadonlyMap<number, number>): number[] {
    const ids = text.map((character) => this.#model.idOf(character) ?? -1);
    for (;;) {
      let [best, at] = [Number.POSITIVE_INFINITY, -1];
      for (let i = 0; i + 1 < ids.length; i++) {
        const rank = ranks.get(keyOf(ids[i] as number, ids[i + 1] as number));
        if (rank !== undefined && rank < best) [best, at] = [rank, i];
      }
      if (at === -1) return ids;
      ids.splice(at, 2, list.merged[best] as number);
    }
  }
}
